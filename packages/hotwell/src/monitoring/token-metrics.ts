import type { Logger } from '../core/logger.ts'
import type { AcquisitionRecord } from '../tokens/acquisition-record.ts'
import { type CacheFigures, type CountedKind, countedKinds, type TokenMetricsSnapshot } from './metrics-snapshot.ts'
import { performanceReport, performanceWarnings } from './report.ts'

/** Lookups of one kind. The hot path adds to these fields directly, so they stay plain. */
export interface CacheCounters {
  /** Lookups answered without entering the ref's flight. */
  hits: number
  /** Lookups that had to wait for a flight. */
  misses: number
}

/**
 * Counts what a token manager does, in eleven plain numbers. A token's handle fetches the counters of its kind once and
 * increments their fields itself; nothing here is called while a cached token is served.
 */
export class TokenMetrics {
  /** False when monitoring is switched off: everything stays 0 and reports nothing to worry about. */
  readonly enabled: boolean
  readonly #counters: Readonly<Record<CountedKind, CacheCounters>> = {
    app: { hits: 0, misses: 0 },
    tenant: { hits: 0, misses: 0 },
    user: { hits: 0, misses: 0 },
    other: { hits: 0, misses: 0 },
  }
  /** What handles write to, and nobody reads, while monitoring is switched off: cheaper than asking on every lookup. */
  readonly #unread: CacheCounters = { hits: 0, misses: 0 }
  #refreshSuccesses = 0
  #refreshFailures = 0
  #flights = 0

  constructor({ enabled = true }: { enabled?: boolean } = {}) {
    this.enabled = enabled
  }

  /** The counters that lookups of this kind go to: always the same object, to be kept and incremented. */
  countersFor(kind: string): CacheCounters {
    if (!this.enabled) return this.#unread
    if (kind === 'app') return this.#counters.app
    if (kind === 'tenant') return this.#counters.tenant
    if (kind === 'user') return this.#counters.user
    return this.#counters.other
  }

  /** A flight was taken. */
  recordFlight(): void {
    if (this.enabled) this.#flights++
  }

  /** Counts a refresh. First acquisitions, and those that brought the same token again, are none. */
  recordAcquisition(record: Pick<AcquisitionRecord, 'refresh' | 'unchanged' | 'status'>): void {
    if (!this.enabled || !record.refresh || record.unchanged) return
    if (record.status === 'success') this.#refreshSuccesses++
    else this.#refreshFailures++
  }

  /** 0 to 1; 0 while there were no lookups. */
  appCacheHitRate(): number {
    return hitRate(this.#counters.app)
  }

  /** 0 to 1; 0 while there were no lookups. */
  tenantCacheHitRate(): number {
    return hitRate(this.#counters.tenant)
  }

  /** 0 to 1; 0 while there were no lookups. */
  userCacheHitRate(): number {
    return hitRate(this.#counters.user)
  }

  /** Of all kinds but app, tenant and user. 0 to 1; 0 while there were no lookups. */
  otherCacheHitRate(): number {
    return hitRate(this.#counters.other)
  }

  /** 0 to 1; 0 while nothing was refreshed. */
  refreshSuccessRate(): number {
    return share(this.#refreshSuccesses, this.#refreshFailures)
  }

  /** Lookups answered without entering a flight. */
  totalReadLocks(): number {
    return countedKinds.reduce((sum, kind) => sum + this.#counters[kind].hits, 0)
  }

  /** Flights taken. */
  totalWriteLocks(): number {
    return this.#flights
  }

  snapshot(): TokenMetricsSnapshot {
    const readLocks = this.totalReadLocks()
    return {
      app: figures(this.#counters.app),
      tenant: figures(this.#counters.tenant),
      user: figures(this.#counters.user),
      other: figures(this.#counters.other),
      refreshes: {
        successes: this.#refreshSuccesses,
        failures: this.#refreshFailures,
        successRate: this.refreshSuccessRate(),
      },
      readLocks,
      writeLocks: this.#flights,
      readShare: share(readLocks, this.#flights),
    }
  }

  /** The figures as text for people, one line each; kinds other than app and tenant once they were used. */
  performanceReport(): string {
    return performanceReport(this.snapshot())
  }

  /** What is worse than it should be: hit rates under 80 %, refresh success under 95 %, a read share under 70 %. */
  warnings(): string[] {
    return performanceWarnings(this.snapshot())
  }

  /** Logs the report as info and each warning as warn. */
  logPerformanceMetrics(logger: Logger): void {
    const snapshot = this.snapshot()
    logger.info({ metrics: snapshot }, performanceReport(snapshot))
    for (const warning of performanceWarnings(snapshot)) logger.warn({}, warning)
  }

  /** Sets every number to 0. Handles keep counting in the objects they hold. */
  reset(): void {
    for (const kind of countedKinds) Object.assign(this.#counters[kind], { hits: 0, misses: 0 })
    this.#refreshSuccesses = this.#refreshFailures = this.#flights = 0
  }
}

function figures({ hits, misses }: CacheCounters): CacheFigures {
  return { hits, misses, hitRate: share(hits, misses) }
}

function hitRate({ hits, misses }: CacheCounters): number {
  return share(hits, misses)
}

function share(part: number, rest: number): number {
  return part + rest === 0 ? 0 : part / (part + rest)
}
