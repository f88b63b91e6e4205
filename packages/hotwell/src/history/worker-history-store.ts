import type { Worker } from 'node:worker_threads'
import { type ErrorCode, HotwellError } from '../core/errors.ts'
import { startThread } from '../core/start-thread.ts'
import type { HistoryStore, HistoryStoreOptions } from './history-store.ts'

/** What is posted to the thread. */
export interface HistoryRequest {
  readonly number: number
  readonly operation: keyof HistoryStore
  readonly argument?: unknown
}

/** What the thread posts back. An error crosses as plain data, because the class of an error does not. */
export interface HistoryReply {
  readonly number: number
  readonly value?: unknown
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly retryable: boolean }
}

interface Pending {
  resolve(value: never): void
  reject(error: unknown): void
}

/** The longest that closing waits for what the thread has begun, in milliseconds. */
const closeTimeoutMs = 5000

/**
 * A store in a thread of its own, so that no write and no query of history holds up the thread that serves tokens. A
 * thread that died is started again by the next request. The thread keeps no process alive.
 */
export function createWorkerHistoryStore(options: HistoryStoreOptions): HistoryStore {
  let worker: Worker | undefined
  let number = 0
  let closed = false
  const pending = new Map<number, Pending>()

  function started(): Worker {
    if (worker) return worker
    const thread = startThread('./history-worker', import.meta.url, { name: 'hotwell-history', data: options })
    thread.on('message', ({ number, value, error }: HistoryReply) => {
      const request = pending.get(number)
      pending.delete(number)
      if (error) request?.reject(new HotwellError(error.code, error.message, { retryable: error.retryable }))
      else request?.resolve(value as never)
    })
    const ended = (cause?: unknown) => {
      if (worker !== thread) return
      worker = undefined
      const error = new HotwellError('store_unavailable', `The thread that writes history ended${why(cause)}.`, {
        cause,
      })
      for (const request of pending.values()) request.reject(error)
      pending.clear()
    }
    thread.on('error', ended)
    thread.on('exit', () => ended())
    // Last: a listener for messages takes the reference back.
    thread.unref()
    return (worker = thread)
  }

  function request<T>(operation: HistoryRequest['operation'], argument?: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      if (closed) throw new HotwellError('closed', `The history in ${options.path} has been closed.`)
      const thread = started()
      const posted: HistoryRequest = { number: ++number, operation, argument }
      pending.set(posted.number, { resolve, reject })
      thread.postMessage(posted)
    })
  }

  return {
    write: rows => request('write', rows),
    search: query => request('search', query),
    statistics: query => request('statistics', query),
    purge: beforeAt => request('purge', beforeAt),
    async close() {
      const thread = worker
      const ending = thread && !closed ? request<void>('close').catch(() => {}) : undefined
      closed = true
      if (!thread || !ending) return
      let timer: NodeJS.Timeout | undefined
      const timeout = new Promise<void>(resolve => {
        timer = setTimeout(resolve, closeTimeoutMs)
      })
      await Promise.race([ending, timeout])
      clearTimeout(timer)
      await thread.terminate()
    },
  }
}

function why(cause: unknown): string {
  return cause instanceof Error ? `: ${cause.message}` : ''
}
