import type { ScheduledCall } from '../core/clock.ts'
import type { ExecutorTask, TaskContext } from './executor-contract.ts'
import type { Linked } from './waiter-list.ts'

/** `queued` for its turn, `running`, `pausing` before the next attempt, `ended` before it is accepted and for good. */
export type TaskState = 'queued' | 'running' | 'pausing' | 'ended'

/** What the executor knows of one task. */
export class Task implements Linked<Task> {
  state: TaskState = 'ended'
  /** Of the attempt that runs, or ran last, from 1. */
  attempt = 0
  /** When its last attempt began (monotonic ms). */
  startedAt = 0
  /** Nobody wants its result any more, but it still runs. */
  aborted: { readonly reason: unknown } | undefined
  previous: Task | undefined
  next: Task | undefined
  pause: ScheduledCall | undefined
  timeout: ScheduledCall | undefined
  context: AttemptContext | undefined
  readonly work: ExecutorTask<unknown>
  readonly signal: AbortSignal | undefined
  readonly resolve: (value: never) => void
  readonly reject: (reason: unknown) => void

  constructor(
    work: ExecutorTask<unknown>,
    signal: AbortSignal | undefined,
    resolve: (value: never) => void,
    reject: (reason: unknown) => void,
  ) {
    this.work = work
    this.signal = signal
    this.resolve = resolve
    this.reject = reject
  }
}

/** Its signal is made when it is first asked for: an AbortController costs more than all the rest of a task. */
export class AttemptContext implements TaskContext {
  readonly attempt: number
  #aborted: { reason: unknown } | undefined
  #controller: AbortController | undefined

  constructor(attempt: number) {
    this.attempt = attempt
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#aborted ??= { reason }
    this.#controller?.abort(reason)
  }
}
