import { jsonl } from 'hotwell/sources/jsonl'
import { createSync } from 'hotwell/sync'
import { sqlite } from 'hotwell/targets/sqlite'

/** Copies a file and tells how much memory that took at most, in MB. */
const { path, database, maxBufferedMegabytes } = JSON.parse(process.argv[2]!) as {
  path: string
  database: string
  maxBufferedMegabytes: number
}
const sync = createSync({
  name: 'plant',
  source: jsonl(path),
  target: sqlite(database),
  strategy: { maxBufferedMegabytes },
})
const stats = await sync.run()
process.send!({ done: stats, peakMegabytes: process.resourceUsage().maxRSS / 1024 })
process.disconnect()
