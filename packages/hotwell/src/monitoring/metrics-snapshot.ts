/** The kinds that are counted apart; every kind that a provider invents counts as `other`. */
export const countedKinds = ['app', 'tenant', 'user', 'other'] as const
export type CountedKind = (typeof countedKinds)[number]

/** One kind's lookups at one instant. */
export interface CacheFigures {
  readonly hits: number
  readonly misses: number
  /** 0 to 1; 0 while there were no lookups. */
  readonly hitRate: number
}

/** All figures of {@link TokenMetrics}, taken together. */
export interface TokenMetricsSnapshot extends Readonly<Record<CountedKind, CacheFigures>> {
  readonly refreshes: { readonly successes: number; readonly failures: number; readonly successRate: number }
  /** Lookups answered without entering a flight, of all kinds. */
  readonly readLocks: number
  /** Flights taken. */
  readonly writeLocks: number
  /** Read locks among all locks, 0 to 1; 0 while there were none. */
  readonly readShare: number
}
