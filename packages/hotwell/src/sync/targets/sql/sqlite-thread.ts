import type { Worker } from 'node:worker_threads'
import { type ErrorCode, HotwellError, isHotwellError } from '../../../core/errors.ts'
import { startThread } from '../../../core/start-thread.ts'
import type { Batch } from '../../model/rows.ts'
import type { SqliteFacts } from './sqlite-session.ts'
import { packed, type SqliteSide, type Step } from './sqlite-steps.ts'

/** What is posted to the thread: steps, or nothing any more. */
export type ToSqliteThread = { readonly number: number; readonly steps: readonly Step[] } | 'close'

/** What the thread posts back: that it is ready, and answers. An error crosses as plain data. */
export type FromSqliteThread =
  | 'ready'
  | { readonly number: number; readonly answer?: unknown; readonly error?: PlainError }

/** The failure of a step: Hotwell's own with a `code`, SQLite's with an `errcode`. */
export interface PlainError {
  readonly message: string
  readonly name?: string
  readonly code?: ErrorCode
  readonly retryable?: boolean
  readonly errcode?: number
}

interface Pending {
  resolve(answer: unknown): void
  reject(error: unknown): void
}

/** So long closing waits for a check-point or a statement that is under way, in ms; then the thread is cut off. */
const closeTimeoutMs = 5000

/**
 * A second connection to the file in a thread of its own, which writes while this one reads. It keeps a process alive only
 * while it is asked something.
 */
export class SqliteThread implements SqliteSide {
  /** `ready`: it does what it is asked. `failed`: it has ended by itself. */
  state: 'starting' | 'ready' | 'failed' | 'closed' = 'starting'
  /** Resolves when it is ready or never will be. */
  readonly started: Promise<void>
  readonly #worker: Worker
  readonly #path: string
  readonly #pending = new Map<number, Pending>()
  readonly #exited: Promise<void>
  #number = 0

  constructor(facts: SqliteFacts) {
    this.#path = facts.path
    const worker = startThread('./sqlite-worker', import.meta.url, { name: 'hotwell-sqlite', data: facts })
    this.#worker = worker
    worker.on('message', (message: FromSqliteThread) => this.#hear(message))
    let cause: unknown
    worker.on('error', error => (cause = error))
    this.#exited = new Promise(resolve => {
      worker.on('exit', () => {
        this.#end(cause)
        resolve()
      })
    })
    this.started = new Promise(resolve => {
      for (const event of ['message', 'exit']) worker.once(event, () => resolve())
    })
    // Last: a listener for messages takes the reference back.
    worker.unref()
  }

  run(steps: readonly Step[]): Promise<unknown> {
    if (this.state !== 'ready') return Promise.reject(this.#gone())
    return new Promise((resolve, reject) => {
      const number = ++this.#number
      if (this.#pending.size === 0) this.#worker.ref()
      this.#pending.set(number, { resolve, reject })
      const message: ToSqliteThread = { number, steps: steps.map(packedStep) }
      this.#worker.postMessage(message)
    })
  }

  /** Idempotent. A transaction that is under way is rolled back. */
  async close(): Promise<void> {
    const isReady = this.state === 'ready'
    if (this.state !== 'failed') this.state = 'closed'
    this.#reject()
    if (isReady) this.#worker.postMessage('close' satisfies ToSqliteThread)
    else void this.#worker.terminate()
    const timer = setTimeout(() => void this.#worker.terminate(), closeTimeoutMs)
    await this.#exited
    clearTimeout(timer)
  }

  #hear(message: FromSqliteThread): void {
    if (message === 'ready') {
      if (this.state === 'starting') this.state = 'ready'
      return
    }
    const { number, answer, error } = message
    const pending = this.#pending.get(number)
    this.#pending.delete(number)
    if (this.#pending.size === 0) this.#worker.unref()
    if (error) pending?.reject(revived(error))
    else pending?.resolve(answer)
  }

  #end(cause: unknown): void {
    if (this.state !== 'closed') this.state = 'failed'
    this.#reject(cause)
  }

  #reject(cause?: unknown): void {
    for (const { reject } of this.#pending.values()) reject(this.#gone(cause))
    this.#pending.clear()
  }

  #gone(cause?: unknown): HotwellError {
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    const what = this.state === 'closed' ? 'has been closed' : `is not written: the thread that did so ended${why}`
    return new HotwellError('target_unavailable', `${this.#path} ${what}.`, { cause })
  }
}

function packedStep(step: Step): Step {
  if (step.name !== 'apply' && step.name !== 'applyExpecting') return step
  const [batch, ...others] = step.args as [Batch, ...unknown[]]
  return { ...step, args: [packed(batch), ...others] } as unknown as Step
}

export function plain(error: unknown): PlainError {
  const message = error instanceof Error ? error.message : String(error)
  if (isHotwellError(error)) return { message, code: error.code, retryable: error.retryable }
  const { errcode } = error as { errcode?: unknown }
  const { name } = error as { name?: string }
  return { message, ...(name !== undefined && { name }), ...(typeof errcode === 'number' && { errcode }) }
}

function revived({ message, name, code, retryable, errcode }: PlainError): Error {
  if (code) return new HotwellError(code, message, { ...(retryable !== undefined && { retryable }) })
  const sqlite = errcode === undefined ? {} : { code: 'ERR_SQLITE_ERROR', errcode }
  return Object.assign(new Error(message), name === undefined ? {} : { name }, sqlite)
}
