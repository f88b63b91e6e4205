import type { AttemptOutcome } from './adaptive-limit.ts'

/** What a task is given. */
export interface TaskContext {
  /** Aborts when nobody wants the result any more, or the attempt has taken too long. Hand it to `fetch`. */
  readonly signal: AbortSignal
  /** Which attempt this is, from 1. */
  readonly attempt: number
}

/** One piece of work. It is called once for each attempt. */
export type ExecutorTask<Value> = (context: TaskContext) => Promise<Value> | Value

export interface RunOptions {
  /** Aborted before the task begins, or in a pause between attempts: it is not begun any more. */
  signal?: AbortSignal | undefined
}

export interface MapOptions extends RunOptions {
  /** How many items wait for their turn at most; the next are read when half of them have begun. @default 100 */
  batchSize?: number
}

/** What became of one item of {@link Executor.map}. */
export type MapResult<Item, Value> =
  | { readonly status: 'fulfilled'; readonly item: Item; readonly index: number; readonly value: Value }
  | { readonly status: 'rejected'; readonly item: Item; readonly index: number; readonly reason: unknown }

/** What an executor has done and does. Rates are 0 to 1; latencies are those of the last five minutes. */
export interface ExecutorStatistics {
  /** Attempts that run now. */
  readonly inFlight: number
  /** How many may. */
  readonly limit: number
  /** Tasks that wait for their turn. */
  readonly queued: number
  /** Tasks between two attempts. */
  readonly pausing: number
  /** Tasks that ended well, and that did not; those that were aborted count as neither. */
  readonly succeeded: number
  readonly failed: number
  /** Tasks that were not accepted because the queue was full. */
  readonly refused: number
  /** Attempts beyond each task's first. */
  readonly retries: number
  /** Attempts by outcome. */
  readonly outcomes: Readonly<Record<AttemptOutcome, number>>
  /** Share of the attempts of the last minute that were not `ok`. */
  readonly errorRate: number
  /** Share of the attempts of the last minute that were `rate_limited` or `overloaded`. */
  readonly rejectionRate: number
  /** Attempts that were `ok`, per second over the last minute. */
  readonly perSecond: number
  /** Of attempts that were `ok`, in milliseconds. */
  readonly latencyMs: { readonly mean: number; readonly p50: number; readonly p95: number; readonly p99: number }
  /** How many a second may begin, by quota and by what 429s have taught; `Infinity` without either. */
  readonly allowedPerSecond: number
}

/** Runs any bulk of work at the speed of the backend behind it. */
export interface Executor {
  /**
   * Runs a task as soon as there is room: at once and synchronously where there is. Resolves with what its last attempt
   * returned and rejects with what that threw, with the signal's reason, or with
   * @throws HotwellError `queue_full` when `queueLimit` tasks wait already, `closed` after {@link close}
   */
  run<Value>(task: ExecutorTask<Value>, options?: RunOptions): Promise<Value>
  /**
   * Runs a task for each item and yields what became of it, in the order in which they end: nothing waits for a slow
   * one. Items are read as they are needed, so that a source of any length, or one without end, takes little memory; a
   * consumer that does not ask for results stops the reading. An item that fails does not stop the others. Whoever
   * leaves the loop early aborts what is under way and waits for its end.
   * @throws what the source throws, after the results of what it had yielded; the signal's reason; HotwellError `closed`
   */
  map<Item, Value>(
    items: Iterable<Item> | AsyncIterable<Item>,
    task: (item: Item, context: TaskContext) => Promise<Value> | Value,
    options?: MapOptions,
  ): AsyncGenerator<MapResult<Item, Value>, void, void>
  /** What it has done and does. */
  statistics(): ExecutorStatistics
  /** Resolves when nothing waits, pauses or runs. */
  drain(): Promise<void>
  /**
   * Accepts nothing any more and resolves when all that was accepted has ended. When `signal` aborts, what waits is
   * rejected with `closed`, what runs is told by its own signal, and it resolves when that has ended.
   */
  close(options?: RunOptions): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
