import { parentPort, workerData } from 'node:worker_threads'
import { isHotwellError } from '../core/errors.ts'
import type { HistoryStoreOptions } from './history-store.ts'
import { openSqliteHistoryStore } from './sqlite-history-store.ts'
import type { HistoryReply, HistoryRequest } from './worker-history-store.ts'

const port = parentPort!
const store = openSqliteHistoryStore(workerData as HistoryStoreOptions)

port.on('message', async ({ number, operation, argument }: HistoryRequest) => {
  port.postMessage(await answer(number, () => store[operation](argument as never)))
})

async function answer(number: number, operation: () => Promise<unknown>): Promise<HistoryReply> {
  try {
    return { number, value: await operation() }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const code = isHotwellError(error) ? error.code : 'store_unavailable'
    const retryable = isHotwellError(error) ? error.retryable : true
    return { number, error: { code, message, retryable } }
  }
}
