import { createSync } from '../../src/sync/create-sync.ts'
import { sqlite } from '../../src/sync/targets/sqlite.ts'
import { element, ListSource } from './list-source.ts'

/** Copies so many elements by a thread of its own, telling its parent how far it got, until it is killed or done. */
const { path, records } = JSON.parse(process.argv[2]!) as { path: string; records: number }
const sync = createSync({
  name: 'plant',
  source: new ListSource(Array.from({ length: records }, (_, number) => element(`e${number}`))),
  target: sqlite(path, { thread: true }),
  strategy: { batchSize: 100 },
})
const stats = await sync.run({ onProgress: ({ counts }) => process.send!({ written: counts.inserted }) })
process.send!({ done: stats })
// The connection and its thread are left behind open: they keep no process alive.
process.disconnect()
