import { HotwellError } from '../../core/errors.ts'
import { checkCounts } from './check-options.ts'

/** Loads what there is of these ids, in any order; what is not there is left out. */
export type BatchLoader<Value> = (
  ids: readonly string[],
  options: { signal: AbortSignal },
) => Promise<readonly Value[] | ReadonlyMap<string, Value>>

export interface BatchReaderOptions<Value> {
  /** Such as `(ids, options) => source.get(ids, options)`. */
  get: BatchLoader<Value>
  /** Where `get` returns a list: the id of one. @default its field `id` */
  idOf?: (value: Value) => string
  /** So many ids a load. @default 200 */
  batchSize?: number
  /** So many loads at once. @default 4 */
  concurrency?: number
  /** So many batches are loaded, or being loaded, before anybody asks for them. @default 8 */
  prefetch?: number
}

/** One of the ids that were asked for. */
export interface ReadItem<Value> {
  readonly id: string
  /** Undefined: it is missing. */
  readonly value: Value | undefined
}

/** Since the reader was made. An id that is asked for twice counts twice. */
export interface BatchReaderStats {
  readonly loads: number
  readonly failures: number
  readonly found: number
  readonly missing: number
  /** The most loads that ran at once. */
  readonly mostAtOnce: number
}

type Ids = Iterable<string> | AsyncIterable<string>

/** Reads many ids in batches, several at once and ahead of whoever takes them; in the order of the ids. */
export class BatchReader<Value extends {}> {
  readonly #get: BatchLoader<Value>
  readonly #idOf: (value: Value) => string
  readonly #batchSize: number
  readonly #concurrency: number
  readonly #prefetch: number
  readonly #stats = { loads: 0, failures: 0, found: 0, missing: 0, mostAtOnce: 0 }
  #running = 0

  /** @throws HotwellError `invalid_configuration` */
  constructor(options: BatchReaderOptions<Value>) {
    const { get, idOf = fieldId, batchSize = 200, concurrency = 4, prefetch = 8 } = options
    checkCounts('A batch reader', { batchSize, concurrency, prefetch })
    this.#get = get
    this.#idOf = idOf
    this.#batchSize = batchSize
    this.#concurrency = concurrency
    this.#prefetch = prefetch
  }

  /**
   * Yields each id, with its value or as missing. Whoever stops taking them, and the signal, abort what is under way.
   * @throws what a load or `ids` failed of, after everything before it; the signal's reason
   */
  async *read(ids: Ids, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<ReadItem<Value>, void, undefined> {
    signal?.throwIfAborted()
    const ends = new AbortController()
    const ended = Promise.withResolvers<never>()
    ended.promise.catch(() => {})
    const abort = () => {
      ends.abort(signal?.reason)
      ended.reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
    const ahead = new ReadAhead<ReadItem<Value>[]>(this.#concurrency, this.#prefetch)
    ahead.fill(batchesOf(ids, this.#batchSize), batch => this.#load(batch, ends.signal), ends.signal)
    try {
      for (;;) {
        const items = await Promise.race([ahead.next(), ended.promise])
        if (!items) return
        for (const item of items) {
          signal?.throwIfAborted()
          yield item
        }
      }
    } finally {
      signal?.removeEventListener('abort', abort)
      ends.abort()
      ahead.end()
    }
  }

  /** All at once: what was found, by id and in the order of the ids, and the ids that are missing. */
  async readAll(
    ids: Ids,
    options: { signal?: AbortSignal } = {},
  ): Promise<{ found: Map<string, Value>; missing: string[] }> {
    const found = new Map<string, Value>()
    const missing = new Set<string>()
    for await (const { id, value } of this.read(ids, options)) {
      if (value === undefined) missing.add(id)
      else found.set(id, value)
    }
    return { found, missing: [...missing] }
  }

  stats(): BatchReaderStats {
    return { ...this.#stats }
  }

  async #load(ids: readonly string[], signal: AbortSignal): Promise<ReadItem<Value>[]> {
    const stats = this.#stats
    stats.loads++
    stats.mostAtOnce = Math.max(stats.mostAtOnce, ++this.#running)
    try {
      const found = this.#byId(await this.#get([...new Set(ids)], { signal }))
      const items = ids.map(id => ({ id, value: found.get(id) }))
      const there = items.filter(({ value }) => value !== undefined).length
      stats.found += there
      stats.missing += items.length - there
      return items
    } catch (error) {
      if (!signal.aborted) stats.failures++
      throw error
    } finally {
      this.#running--
    }
  }

  #byId(found: readonly Value[] | ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
    if (!Array.isArray(found)) return found as ReadonlyMap<string, Value>
    return new Map(found.map(value => [this.#idOf(value), value]))
  }
}

/** A queue that is filled behind whoever takes from it, a few at once and a few ahead. */
class ReadAhead<Item> {
  readonly #concurrency: number
  readonly #most: number
  readonly #queue: Promise<Item>[] = []
  #running = 0
  /** Nothing more will come. */
  #isEnd = false
  /** Resolves when something has changed: one may be taken, or begun. */
  #change = Promise.withResolvers<void>()

  constructor(concurrency: number, most: number) {
    this.#concurrency = concurrency
    this.#most = most
  }

  fill<Batch>(batches: AsyncIterable<Batch>, load: (batch: Batch) => Promise<Item>, signal: AbortSignal): void {
    this.#fill(batches, load, signal)
      .catch(error => this.#push(Promise.reject(error)))
      .finally(() => this.end())
  }

  /** Undefined at the end. */
  async next(): Promise<Item | undefined> {
    while (this.#queue.length === 0 && !this.#isEnd) await this.#change.promise
    // It counts among those that are ahead until it is there: only then somebody has it.
    const item = await this.#queue[0]
    this.#queue.shift()
    this.#changed()
    return item
  }

  end(): void {
    this.#isEnd = true
    this.#changed()
  }

  async #fill<Batch>(batches: AsyncIterable<Batch>, load: (batch: Batch) => Promise<Item>, signal: AbortSignal) {
    for await (const batch of batches) {
      while (!signal.aborted && !this.#isEnd && !this.#hasRoom()) await this.#change.promise
      if (signal.aborted || this.#isEnd) return
      this.#running++
      const item = load(batch)
      const ended = () => {
        this.#running--
        this.#changed()
      }
      item.then(ended, () => {
        // What comes behind a failure is never taken.
        this.#isEnd = true
        ended()
      })
      this.#push(item)
    }
  }

  #hasRoom(): boolean {
    return this.#running < this.#concurrency && this.#queue.length < this.#most
  }

  #push(item: Promise<Item>): void {
    item.catch(() => {})
    this.#queue.push(item)
    this.#changed()
  }

  #changed(): void {
    const { resolve } = this.#change
    this.#change = Promise.withResolvers()
    resolve()
  }
}

async function* batchesOf(ids: Ids, size: number): AsyncGenerator<string[]> {
  let batch: string[] = []
  for await (const id of ids) {
    batch.push(id)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

function fieldId(value: unknown): string {
  const id = (value as { id?: unknown }).id
  if (typeof id === 'string' || typeof id === 'number') return String(id)
  throw new HotwellError(
    'invalid_configuration',
    'A batch reader was given a value without an id. Say what its id is: `idOf`.',
  )
}
