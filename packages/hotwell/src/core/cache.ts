import { LRUCache } from 'lru-cache'
import type { Clock } from './clock.ts'

export interface CacheOptions<Key, Value> {
  clock: Clock
  /** What was used longest ago leaves first when there are more. @default 1000 */
  maxEntries?: number
  /** How long an entry lives, in milliseconds; a single `set` may say otherwise. Default: until it is evicted. */
  ttlMs?: number
  /** With `sizeOf`: the most that all entries together may take. An entry that alone takes more is not kept. */
  maxBytes?: number
  /** What an entry takes, at least 1. */
  sizeOf?: (value: Value, key: Key) => number
}

/** Counts since the start or the last `resetStats`; `entries` and `bytes` are as of now. */
export interface CacheStats {
  readonly hits: number
  readonly misses: number
  /** From 0 to 1; 0 while nothing was looked up. */
  readonly hitRate: number
  readonly inserts: number
  readonly updates: number
  /** Pushed out for want of room. */
  readonly evictions: number
  /** Found to be too old. */
  readonly expirations: number
  /** Those that are too old but were not looked up since included. */
  readonly entries: number
  /** 0 without `sizeOf`. */
  readonly bytes: number
}

/** A bounded cache: least recently used leaves first, old entries are not served, and it counts what it does. */
export class Cache<Key extends {}, Value extends {}> {
  readonly #entries: LRUCache<Key, Value>
  #counts = noCounts()

  constructor(options: CacheOptions<Key, Value>) {
    const { clock, maxEntries = 1000, ttlMs = 0, maxBytes, sizeOf } = options
    this.#entries = new LRUCache<Key, Value>({
      max: maxEntries,
      ttl: ttlMs,
      ttlResolution: 0,
      // An instant of 0 means "no ttl" to lru-cache.
      perf: { now: () => clock.monotonic() + 1 },
      ...(sizeOf && { sizeCalculation: sizeOf, maxSize: maxBytes ?? Number.MAX_SAFE_INTEGER }),
      dispose: (_value, _key, reason) => {
        if (reason === 'evict') this.#counts.evictions++
        else if (reason === 'expire') this.#counts.expirations++
      },
    })
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) this.#counts.misses++
    else this.#counts.hits++
    return value
  }

  /** `ttlMs`: how long this entry lives, in place of the cache's own; 0: until it is evicted. */
  set(key: Key, value: Value, options: { ttlMs?: number } = {}): void {
    const known = this.#entries.has(key)
    this.#entries.set(key, value, options.ttlMs === undefined ? {} : { ttl: options.ttlMs })
    if (known) this.#counts.updates++
    else if (this.#entries.has(key)) this.#counts.inserts++
  }

  /** False: it was not there. */
  delete(key: Key): boolean {
    return this.#entries.delete(key)
  }

  /** Those that are there. Each key counts as one look-up. */
  getMany(keys: Iterable<Key>): Map<Key, Value> {
    const found = new Map<Key, Value>()
    for (const key of keys) {
      const value = this.get(key)
      if (value !== undefined) found.set(key, value)
    }
    return found
  }

  setMany(entries: Iterable<readonly [Key, Value]>, options?: { ttlMs?: number }): void {
    for (const [key, value] of entries) this.set(key, value, options)
  }

  clear(): void {
    this.#entries.clear()
  }

  stats(): CacheStats {
    const { hits, misses } = this.#counts
    return {
      ...this.#counts,
      hitRate: hits + misses === 0 ? 0 : hits / (hits + misses),
      entries: this.#entries.size,
      bytes: this.#entries.calculatedSize,
    }
  }

  resetStats(): void {
    this.#counts = noCounts()
  }
}

function noCounts() {
  return { hits: 0, misses: 0, inserts: 0, updates: 0, evictions: 0, expirations: 0 }
}
