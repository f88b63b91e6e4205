import { type BackoffOptions, backoffMs } from '../core/backoff.ts'
import { type Clock, createSystemClock, type ScheduledCall } from '../core/clock.ts'
import type { RateQuota } from '../core/rate-gate.ts'
import type { AdaptiveLimit } from './adaptive-limit.ts'
import { AdaptiveRate } from './adaptive-rate.ts'
import { ErrorRateWatch, type ErrorRateWatchOptions } from './error-rate-watch.ts'
import { type ExecutorConcurrency, limitOf, secondsAbove0, wholeFrom } from './executor-concurrency.ts'
import type {
  Executor,
  ExecutorStatistics,
  ExecutorTask,
  MapOptions,
  RunOptions,
  TaskContext,
} from './executor-contract.ts'
import { TaskLists } from './executor-lists.ts'
import { mapItems } from './executor-map.ts'
import { closed, queueFull, timedOut, worthAnotherTry } from './executor-refusal.ts'
import { ExecutorCounts } from './executor-statistics.ts'
import { AttemptContext, Task } from './executor-task.ts'
import { SignalWatch } from './signal-watch.ts'
import { type ClassifyOutcome, classifyOutcome, type TaskOutcome } from './task-outcome.ts'

export interface ExecutorOptions {
  /**
   * How many may be in flight: `'gradient'` finds out, starting with twice the available cores; `'threshold'` follows
   * a simple rule; a number is fixed; `{ rule, start, least, most, … }` sets their options; or a rule of one's own.
   * @default 'gradient'
   */
  concurrency?: ExecutorConcurrency
  /** How many tasks may wait at most, those between two attempts included; from 1. @default 1000 */
  queueLimit?: number
  /** How often a task is tried again at most, from 0. @default 3 */
  retries?: number
  /** The pauses in between. What the backend asks for makes a pause longer, never shorter. @default from 1 s, doubling */
  backoff?: BackoffOptions
  /** Whether a task that `failed` is tried again. @default what a HotwellError says of itself; true for any other error */
  retryable?: (error: unknown) => boolean
  /** Tells how an attempt ended. @default by HTTP status and Hotwell's own errors */
  classify?: ClassifyOutcome
  /** After this an attempt is aborted and counts as `overloaded`, in seconds. @default none */
  attemptTimeoutSeconds?: number
  /** The backend's documented quota, kept exactly. What its 429s teach is obeyed with and without it. @default none */
  quota?: RateQuota
  /** Who is told when too many attempts go wrong. @default nobody */
  errorRate?: ErrorRateWatchOptions
  /** @default the machine's */
  clock?: Clock
}

/**
 * Runs any bulk of work, calls of an API as well as acquisitions of tokens, with as much concurrency as the backend
 * behind it can use, and tries again what did not succeed. An executor without work keeps no process alive; one that
 * has accepted work does until that has ended.
 * @throws HotwellError `invalid_configuration`, naming the field
 */
export function createExecutor(options: ExecutorOptions = {}): Executor {
  return new TaskExecutor(options)
}

class TaskExecutor implements Executor {
  readonly #clock: Clock
  readonly #limit: AdaptiveLimit
  readonly #rate: AdaptiveRate
  readonly #queueLimit: number
  readonly #retries: number
  readonly #backoff: BackoffOptions | undefined
  readonly #retryable: (error: unknown) => boolean
  readonly #classify: ClassifyOutcome
  readonly #timeoutMs: number | undefined
  readonly #counts: ExecutorCounts
  readonly #errorRate: ErrorRateWatch | undefined
  readonly #tasks: TaskLists
  readonly #signals = new SignalWatch<Task>(task => this.#abort(task, task.signal!.reason))
  #wakeUp: ScheduledCall | undefined
  /** Holds the process while accepted work waits on a timer. */
  #hold: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ExecutorOptions) {
    const { concurrency = 'gradient', queueLimit = 1000, retries = 3, backoff, retryable = worthAnotherTry } = options
    const { classify = classifyOutcome, attemptTimeoutSeconds, quota, errorRate, clock = createSystemClock() } = options
    this.#clock = clock
    this.#limit = limitOf(concurrency)
    this.#rate = new AdaptiveRate({ clock, quota })
    this.#queueLimit = wholeFrom(1, 'queueLimit', queueLimit)
    this.#tasks = new TaskLists(this.#queueLimit)
    this.#retries = wholeFrom(0, 'retries', retries)
    this.#backoff = backoff
    this.#retryable = retryable
    this.#classify = classify
    if (attemptTimeoutSeconds !== undefined) {
      this.#timeoutMs = 1000 * secondsAbove0('attemptTimeoutSeconds', attemptTimeoutSeconds)
    }
    this.#counts = new ExecutorCounts(clock)
    this.#errorRate = errorRate && new ErrorRateWatch(this.#counts, errorRate)
  }

  run<Value>(work: ExecutorTask<Value>, options: RunOptions = {}): Promise<Value> {
    if (this.#tasks.hasRoom || this.#closed) return this.#submit(work, options.signal)
    this.#counts.refused++
    return Promise.reject(queueFull(this.#queueLimit))
  }

  map<Item, Value>(
    items: Iterable<Item> | AsyncIterable<Item>,
    task: (item: Item, context: TaskContext) => Promise<Value> | Value,
    { signal, batchSize = 100 }: MapOptions = {},
  ) {
    wholeFrom(1, 'map.batchSize', batchSize)
    const port = {
      submit: <V>(work: ExecutorTask<V>, ending: AbortSignal) => this.#submit(work, ending),
      room: () => this.#roomToRead(),
    }
    return mapItems(port, items, task, { signal, batchSize })
  }

  statistics(): ExecutorStatistics {
    return {
      inFlight: this.#tasks.running,
      limit: this.#limit.limit,
      queued: this.#tasks.queued,
      pausing: this.#tasks.pausing,
      ...this.#counts.snapshot(),
      allowedPerSecond: this.#rate.perSecond,
    }
  }

  drain(): Promise<void> {
    return this.#tasks.idle()
  }

  async close({ signal }: RunOptions = {}): Promise<void> {
    this.#closed = true
    this.#tasks.wakeReaders()
    const end = () => {
      for (const task of this.#tasks.all()) this.#abort(task, closed())
    }
    if (signal?.aborted) end()
    signal?.addEventListener('abort', end, { once: true })
    await this.drain()
    signal?.removeEventListener('abort', end)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @throws HotwellError `closed` */
  #roomToRead(): Promise<void> | undefined {
    if (this.#closed) throw closed()
    return this.#tasks.hasRoom ? undefined : this.#tasks.room()
  }

  #submit<Value>(work: ExecutorTask<Value>, signal: AbortSignal | undefined): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      if (this.#closed) return reject(closed())
      const task = new Task(work, signal, resolve, reject)
      this.#signals.add(signal, task)
      this.#tasks.put(task, 'queued')
      this.#pump()
    })
  }

  /** Begins what may begin, and sees to it that the next one that only has to wait is begun in time. */
  #pump(): void {
    for (let first = this.#tasks.first; first && this.#tasks.running < this.#limit.limit; first = this.#tasks.first) {
      const now = this.#clock.monotonic()
      if (!this.#rate.take(now)) {
        this.#wakeAt(this.#rate.nextAt(now), now)
        return
      }
      this.#begin(first, now)
    }
  }

  #wakeAt(at: number, now: number): void {
    this.#stayAlive()
    this.#wakeUp ??= this.#clock.schedule(
      () => {
        this.#wakeUp = undefined
        this.#pump()
      },
      Math.min(at - now, 2 ** 31 - 1),
    )
  }

  #begin(task: Task, now: number): void {
    this.#tasks.put(task, 'running')
    task.startedAt = now
    const attempt = ++task.attempt
    if (attempt > 1) this.#counts.retries++
    const context = new AttemptContext(attempt)
    task.context = context
    this.#limit.begin()
    const timeoutMs = this.#timeoutMs
    if (timeoutMs !== undefined) {
      task.timeout = this.#clock.schedule(() => {
        const reason = timedOut(timeoutMs)
        context.abort(reason)
        this.#settle(task, attempt, { status: 'rejected', reason })
      }, timeoutMs)
    }
    new Promise(resolve => resolve(task.work(context))).then(
      value => this.#settle(task, attempt, { status: 'fulfilled', value }),
      reason => this.#settle(task, attempt, { status: 'rejected', reason }),
    )
  }

  #settle(task: Task, attempt: number, settled: PromiseSettledResult<unknown>): void {
    // It has been settled by its time-out already.
    if (task.state !== 'running' || task.attempt !== attempt) return
    task.timeout?.cancel()
    const now = this.#clock.monotonic()
    if (task.aborted && settled.status === 'rejected') {
      this.#limit.end('failed', task.startedAt, now)
      this.#reject(task, task.aborted.reason)
    } else {
      const result = this.#learn(task, settled, now)
      if (this.#mayRetry(task, settled, result)) this.#pause(task, result)
      else this.#finish(task, settled, result)
    }
    this.#pump()
  }

  #learn(task: Task, settled: PromiseSettledResult<unknown>, now: number): TaskOutcome {
    const result = this.#classify(settled)
    const { outcome, retryAfterMs } = result
    this.#limit.end(outcome, task.startedAt, now)
    this.#counts.record(outcome, now - task.startedAt, now)
    if (outcome === 'ok') this.#rate.deliver()
    else if (outcome === 'rate_limited') this.#rate.penalize(retryAfterMs ?? 0, task.startedAt, now)
    this.#errorRate?.look(outcome)
    return result
  }

  #mayRetry(task: Task, settled: PromiseSettledResult<unknown>, { outcome }: TaskOutcome): boolean {
    if (outcome === 'ok' || task.aborted || task.attempt > this.#retries) return false
    return outcome !== 'failed' || settled.status === 'fulfilled' || this.#retryable(settled.reason)
  }

  #pause(task: Task, { retryAfterMs = 0 }: TaskOutcome): void {
    this.#tasks.put(task, 'pausing')
    this.#stayAlive()
    const delayMs = Math.max(retryAfterMs, backoffMs(task.attempt, this.#backoff))
    task.pause = this.#clock.schedule(
      () => {
        this.#tasks.put(task, 'queued')
        this.#pump()
      },
      Math.min(delayMs, 2 ** 31 - 1),
    )
  }

  #finish(task: Task, settled: PromiseSettledResult<unknown>, { outcome }: TaskOutcome): void {
    if (outcome === 'ok') this.#counts.succeeded++
    else this.#counts.failed++
    this.#end(task)
    if (settled.status === 'rejected') task.reject(settled.reason)
    else task.resolve(settled.value as never)
  }

  #reject(task: Task, reason: unknown): void {
    this.#end(task)
    task.reject(reason)
  }

  /** What runs decides itself when it ends. */
  #abort(task: Task, reason: unknown): void {
    if (task.state === 'running') {
      task.aborted ??= { reason }
      task.context!.abort(reason)
    } else if (task.state !== 'ended') {
      task.pause?.cancel()
      this.#reject(task, reason)
    }
  }

  #end(task: Task): void {
    this.#tasks.put(task, 'ended')
    this.#signals.delete(task.signal, task)
    if (!this.#tasks.isEmpty) return
    clearInterval(this.#hold)
    this.#hold = undefined
  }

  #stayAlive(): void {
    this.#hold ??= setInterval(() => {}, 2 ** 30)
  }
}
