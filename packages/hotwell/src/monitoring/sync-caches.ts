import type { ElementCacheStats } from '../sync/cache/element-cache.ts'

/** What a cache has counted; `Cache`, `ReadThroughCache` and others tell more, which is left out. */
export interface CacheCounts {
  readonly hits: number
  readonly misses: number
  /** 0 to 1; 0 before the first look-up. */
  readonly hitRate: number
  readonly evictions: number
  readonly entries: number
  readonly bytes: number
}

/** A `Cache`, a `ReadThroughCache`, or an `ElementCache`, which is several. */
export interface CountedCache {
  stats(): CacheCounts | Readonly<Record<keyof ElementCacheStats, CacheCounts>>
}

/** The caches that were handed over, by name. */
export class SyncCaches {
  readonly #caches = new Map<string, CountedCache>()

  /** Takes the place of one that had the same name. */
  watch(name: string, cache: CountedCache): () => void {
    this.#caches.set(name, cache)
    return () => {
      if (this.#caches.get(name) === cache) this.#caches.delete(name)
    }
  }

  /** Several under one name are called `name/part`. */
  counts(): Record<string, CacheCounts> {
    const entries = [...this.#caches].flatMap(([name, cache]): [string, CacheCounts][] => {
      const stats = cache.stats()
      if (isCounts(stats)) return [[name, picked(stats)]]
      return Object.entries(stats).map(([part, counts]) => [`${name}/${part}`, picked(counts)])
    })
    return Object.fromEntries(entries)
  }
}

function isCounts(stats: ReturnType<CountedCache['stats']>): stats is CacheCounts {
  return 'hits' in stats
}

function picked({ hits, misses, hitRate, evictions, entries, bytes }: CacheCounts): CacheCounts {
  return { hits, misses, hitRate, evictions, entries, bytes }
}
