/** Why an account is barred: its password was refused, or a person said so. */
export type BarCause = 'credential' | 'manual'

/** `spent`: no password may be sent before `budget.nextAt`, or ever until its credential changes or it is unbarred. */
export type AccountState = 'available' | 'cooling' | 'barred' | 'spent'

/** What people may know of an account: never its password. Instants are wall clock, ms. */
export interface AccountFacts {
  readonly site: string
  readonly account: string
  readonly username: string
  /** Names this version of the credential; tells nothing about it. */
  readonly credentialId: string
  readonly state: AccountState
  /** The higher, the sooner it is chosen; see `scoreAt`. */
  readonly score: number
  readonly successes: number
  readonly failures: number
  /** 0 to 1; 0 before the first outcome. */
  readonly successRate: number
  readonly lastSuccessAt?: number
  readonly lastUsedAt?: number
  readonly coolingUntil?: number
  /** The bar that lasts longest. Without `until` it stays until its credential changes or it is unbarred. */
  readonly bar?: { readonly cause: BarCause; readonly reason: string; readonly until?: number }
  readonly budget: {
    readonly tries: number
    readonly spent: number
    readonly windowSeconds: number
    readonly nextAt?: number
  }
  readonly createdAt: number
  readonly updatedAt: number
}

/** One bar of one account; it may have one of each cause. Instants are wall clock, ms. */
export interface BarFacts {
  readonly site: string
  readonly account: string
  readonly cause: BarCause
  readonly reason: string
  readonly barredAt: number
  readonly until?: number
}

/** How one of the caches does. */
export interface CacheFigures {
  readonly size: number
  readonly hits: number
  readonly misses: number
  /** 0 to 1; 0 while nothing was looked up. */
  readonly hitRate: number
  readonly evictions: number
  readonly ttlSeconds: number
}

/** By cache: how it does, or how many entries of it were dropped. */
export interface ByCache<T> {
  readonly credentials: T
  readonly blacklist: T
  readonly statistics: T
}
