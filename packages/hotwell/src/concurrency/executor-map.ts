import { setImmediate } from 'node:timers/promises'
import type { ExecutorTask, MapResult, TaskContext } from './executor-contract.ts'

/** What mapping needs of an executor. */
export interface MapPort {
  /** Queues the task, however many wait already. */
  submit<Value>(work: ExecutorTask<Value>, signal: AbortSignal): Promise<Value>
  /** Waits while the queue is full; undefined when it is not. */
  room(): Promise<void> | undefined
}

type MapTask<Item, Value> = (item: Item, context: TaskContext) => Promise<Value> | Value

/** See `Executor.map`. */
export async function* mapItems<Item, Value>(
  port: MapPort,
  items: Iterable<Item> | AsyncIterable<Item>,
  task: MapTask<Item, Value>,
  { signal, batchSize }: { signal: AbortSignal | undefined; batchSize: number },
): AsyncGenerator<MapResult<Item, Value>, void, void> {
  signal?.throwIfAborted()
  const mapping = new Mapping(port, task, batchSize)
  const abort = () => mapping.end(signal!.reason)
  signal?.addEventListener('abort', abort, { once: true })
  // Not awaited: a source that never answers must not hold back whoever leaves.
  void mapping.read(items)
  try {
    for (;;) {
      signal?.throwIfAborted()
      const result = mapping.take()
      if (result) yield result
      else if (mapping.isOver) break
      else await mapping.change()
    }
    mapping.throwFailure()
  } finally {
    signal?.removeEventListener('abort', abort)
    mapping.end(new DOMException('The loop over the results was left.', 'AbortError'))
    while (mapping.isRunning) await mapping.change()
  }
}

class Mapping<Item, Value> {
  readonly #port: MapPort
  readonly #task: MapTask<Item, Value>
  readonly #batchSize: number
  readonly #ending = new AbortController()
  /** What has ended and was not taken yet. */
  readonly #results: MapResult<Item, Value>[] = []
  /** Items that were read and have not begun. */
  #waiting = 0
  /** Items that were read and have not ended. */
  #open = 0
  #isReading = true
  #failure: { readonly reason: unknown } | undefined
  #change: PromiseWithResolvers<void> | undefined

  constructor(port: MapPort, task: MapTask<Item, Value>, batchSize: number) {
    this.#port = port
    this.#task = task
    this.#batchSize = batchSize
  }

  get isRunning(): boolean {
    return this.#open > 0
  }

  /** All that was read has ended, and nothing more will be read. */
  get isOver(): boolean {
    return !this.#isReading && !this.isRunning
  }

  async read(items: Iterable<Item> | AsyncIterable<Item>): Promise<void> {
    try {
      let index = 0
      for await (const item of items) {
        if (this.#isFull) await this.#halfEmpty()
        for (let room = this.#port.room(); room && !this.#isEnding; room = this.#port.room()) await room
        if (this.#isEnding) break
        this.#submit(item, index++)
        // Tasks that never leave the job they began in must not keep the event loop to themselves.
        if (index % this.#batchSize === 0) await setImmediate()
      }
    } catch (reason) {
      this.#failure = { reason }
    }
    this.#isReading = false
    this.#changed()
  }

  take(): MapResult<Item, Value> | undefined {
    const result = this.#results.shift()
    if (result) this.#changed()
    return result
  }

  /** Resolves when something has begun or ended. */
  change(): Promise<void> {
    this.#change ??= Promise.withResolvers()
    return this.#change.promise
  }

  throwFailure(): void {
    if (this.#failure) throw this.#failure.reason
  }

  end(reason: unknown): void {
    this.#ending.abort(reason)
    this.#changed()
  }

  get #isEnding(): boolean {
    return this.#ending.signal.aborted
  }

  get #isFull(): boolean {
    return this.#waiting >= this.#batchSize || this.#results.length >= this.#batchSize
  }

  async #halfEmpty(): Promise<void> {
    const half = this.#batchSize / 2
    while (!this.#isEnding && (this.#waiting > half || this.#results.length > half)) await this.change()
  }

  #submit(item: Item, index: number): void {
    let hasBegun = false
    const begun = () => {
      if (hasBegun) return
      hasBegun = true
      this.#waiting--
      this.#changed()
    }
    const ended = (result: MapResult<Item, Value>) => {
      begun()
      this.#open--
      this.#results.push(result)
      this.#changed()
    }
    this.#waiting++
    this.#open++
    const work = (context: TaskContext) => {
      begun()
      return this.#task(item, context)
    }
    this.#port.submit(work, this.#ending.signal).then(
      value => ended({ status: 'fulfilled', item, index, value }),
      reason => ended({ status: 'rejected', item, index, reason }),
    )
  }

  #changed(): void {
    this.#change?.resolve()
    this.#change = undefined
  }
}
