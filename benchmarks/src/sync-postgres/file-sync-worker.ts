import { parentPort, workerData } from 'node:worker_threads'
import { jsonl } from 'hotwell/sources/jsonl'
import { createSync } from 'hotwell/sync'
import { postgres } from 'hotwell/targets/postgres'
import pg from 'pg'

export interface FileSyncSettings {
  readonly file: string
  readonly connectionString: string
}

const { file, connectionString } = workerData as FileSyncSettings
const port = parentPort!
const pool = new pg.Pool({ connectionString })

port.on('message', async (message: 'run' | 'close') => {
  if (message === 'close') {
    await pool.end()
    return port.close()
  }
  const sync = createSync({ name: 'plant', source: jsonl(file), target: postgres({ pool }) })
  const startedAt = performance.now()
  await sync.run()
  const seconds = (performance.now() - startedAt) / 1000
  // Behind a run indexes are made: not while something else is measured.
  await sync.close()
  port.postMessage(seconds)
})
