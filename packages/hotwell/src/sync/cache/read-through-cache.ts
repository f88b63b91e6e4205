import { Cache, type CacheStats } from '../../core/cache.ts'
import { type Clock, createSystemClock } from '../../core/clock.ts'
import { HotwellError } from '../../core/errors.ts'
import { SingleFlight } from '../../core/single-flight.ts'
import { checkAmounts, checkCounts } from '../batch/check-options.ts'
import { jsonBytes } from './json-bytes.ts'

/** What there is of these ids; what is not there is left out. */
export type CacheLoader<Value> = (ids: readonly string[]) => Promise<ReadonlyMap<string, Value>>

export interface ReadThroughCacheOptions<Value> {
  clock?: Clock
  /** What was used longest ago leaves first when there are more. @default 10_000 */
  maxEntries?: number
  /** How long an entry is served after it was put. @default 600 */
  ttlSeconds?: number
  /** What all entries may take together, as JSON. @default no limit */
  maxMegabytes?: number
  /** Where `read` gets what is not there. */
  load?: CacheLoader<Value>
  /** So many ids a load at most. @default 200 */
  idsAtOnce?: number
  /** Told of each value that is kept. */
  stored?: (id: string, value: Value) => void
}

export interface ReadThroughCacheStats extends CacheStats {
  /** Calls of `load`. */
  readonly loads: number
  /** Misses that found their id being loaded for somebody else. */
  readonly shared: number
}

interface OpenLoad<Value> {
  readonly ids: string[]
  readonly found: Promise<ReadonlyMap<string, Value>>
}

const megabyte = 1024 * 1024

/**
 * A bounded cache by id that fetches what it lacks. Whoever misses the same id meanwhile shares one load, and misses of
 * the same turn go in one. What is missing, and a load that failed, are not remembered.
 */
export class ReadThroughCache<Value extends {}> {
  readonly #cache: Cache<string, Value>
  readonly #loader: CacheLoader<Value> | undefined
  readonly #idsAtOnce: number
  readonly #stored: ((id: string, value: Value) => void) | undefined
  readonly #flights = new SingleFlight<string, Value | undefined>()
  /** The flights whose values are still worth keeping: nothing was put or invalidated since they began. */
  readonly #current = new Map<string, Promise<Value | undefined>>()
  #open: OpenLoad<Value> | undefined
  #loads = 0
  #shared = 0

  /** @throws HotwellError `invalid_configuration` */
  constructor(options: ReadThroughCacheOptions<Value> = {}) {
    const { clock = createSystemClock(), maxEntries = 10_000, ttlSeconds = 600, maxMegabytes, load } = options
    const { idsAtOnce = 200, stored } = options
    checkCounts('A cache', { maxEntries, idsAtOnce })
    checkAmounts('A cache', { ttlSeconds, ...(maxMegabytes !== undefined && { maxMegabytes }) })
    this.#cache = new Cache({
      clock,
      maxEntries,
      ttlMs: ttlSeconds * 1000,
      ...(maxMegabytes !== undefined && { maxBytes: Math.ceil(maxMegabytes * megabyte) }),
      sizeOf: (value, id) => id.length + jsonBytes(value),
    })
    this.#loader = load
    this.#idsAtOnce = idsAtOnce
    this.#stored = stored
  }

  /** Only what is here. */
  get(id: string): Value | undefined {
    return this.#cache.get(id)
  }

  /** Those that are here; each id counts as one look-up. */
  getMany(ids: Iterable<string>): Map<string, Value> {
    return this.#cache.getMany(ids)
  }

  /** Also over what is being loaded for that id. */
  put(id: string, value: Value): void {
    this.#outdate(id)
    this.#keep(id, value)
  }

  putMany(entries: Iterable<readonly [string, Value]>): void {
    for (const [id, value] of entries) this.put(id, value)
  }

  /**
   * From here, else by `load`; undefined: it is nowhere.
   * @throws what `load` fails of; HotwellError `invalid_configuration` where there is none
   */
  read(id: string): Promise<Value | undefined> {
    const value = this.#cache.get(id)
    return value === undefined ? this.#fly(id) : Promise.resolve(value)
  }

  /** The same of many, in their order; what is nowhere is left out. */
  async readMany(ids: Iterable<string>): Promise<Map<string, Value>> {
    const distinct = [...new Set(ids)]
    const values = await Promise.all(distinct.map(id => this.#cache.get(id) ?? this.#fly(id)))
    const found = new Map<string, Value>()
    values.forEach((value, index) => {
      if (value !== undefined) found.set(distinct[index]!, value)
    })
    return found
  }

  /** It has changed elsewhere: what is here goes, and what is being loaded is not kept. False: it was not here. */
  invalidate(id: string): boolean {
    this.#outdate(id)
    return this.#cache.delete(id)
  }

  clear(): void {
    for (const id of [...this.#current.keys()]) this.#outdate(id)
    this.#cache.clear()
  }

  stats(): ReadThroughCacheStats {
    return { ...this.#cache.stats(), loads: this.#loads, shared: this.#shared }
  }

  resetStats(): void {
    this.#cache.resetStats()
    this.#loads = 0
    this.#shared = 0
  }

  #keep(id: string, value: Value): void {
    this.#cache.set(id, value)
    this.#stored?.(id, value)
  }

  #outdate(id: string): void {
    if (!this.#current.delete(id)) return
    this.#flights.forget(id)
  }

  #fly(id: string): Promise<Value | undefined> {
    const flight = this.#flights.run(id, async () => {
      const value = await this.#load(id)
      if (value !== undefined && this.#current.get(id) === flight) this.#keep(id, value)
      return value
    })
    if (this.#current.get(id) === flight) this.#shared++
    else {
      this.#current.set(id, flight)
      const land = () => {
        if (this.#current.get(id) === flight) this.#current.delete(id)
      }
      flight.then(land, land)
    }
    return flight
  }

  async #load(id: string): Promise<Value | undefined> {
    const open = (this.#open ??= this.#begin())
    open.ids.push(id)
    if (open.ids.length >= this.#idsAtOnce) this.#open = undefined
    return (await open.found).get(id)
  }

  /** All who ask in this turn get into one load. */
  #begin(): OpenLoad<Value> {
    const ids: string[] = []
    const found = Promise.resolve().then(() => {
      if (this.#open?.ids === ids) this.#open = undefined
      if (!this.#loader)
        throw new HotwellError(
          'invalid_configuration',
          'This cache has no `load`, so that it cannot read what it lacks.',
        )
      this.#loads++
      return this.#loader(ids)
    })
    return { ids, found }
  }
}
