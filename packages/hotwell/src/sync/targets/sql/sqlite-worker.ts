import { parentPort, workerData } from 'node:worker_threads'
import { type SqliteFacts, SqliteSession } from './sqlite-session.ts'
import { type PackedBatch, type Step, unpacked } from './sqlite-steps.ts'
import { type FromSqliteThread, plain, type ToSqliteThread } from './sqlite-thread.ts'

const port = parentPort!
const session = new SqliteSession(workerData as SqliteFacts)
session.prepare()
let last: Promise<void> = Promise.resolve()

port.on('message', (message: ToSqliteThread) => {
  if (message === 'close') {
    // At once: whoever waits for the lock in the middle of a step fails, and the thread has nothing left to live for.
    session.close()
    port.close()
    return
  }
  const { number, steps } = message
  last = last.then(async () => tell({ number, ...(await answered(steps)) }))
})
tell('ready')

async function answered(steps: readonly Step[]) {
  try {
    return { answer: await session.run(steps.map(unpackedStep)) }
  } catch (error) {
    return { error: plain(error) }
  }
}

function unpackedStep(given: Step): Step {
  if (given.name !== 'apply' && given.name !== 'applyExpecting') return given
  const [batch, ...others] = given.args as unknown as [PackedBatch, ...unknown[]]
  return { ...given, args: [unpacked(batch), ...others] } as unknown as Step
}

function tell(message: FromSqliteThread): void {
  port.postMessage(message)
}
