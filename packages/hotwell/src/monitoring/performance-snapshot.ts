/** Figures of the last minutes. All are 0, and the success rate 1, while nothing finished in that time. */
export interface MovingFigures {
  readonly acquisitions: number
  readonly perSecond: number
  /** Mean, waits included. */
  readonly avgDurationSeconds: number
  /** 0 to 1. */
  readonly successRate: number
}

/** What the performance monitor has counted since `sinceAt`. Rates are 0 to 1, durations are in seconds. */
export interface PerformanceSnapshot {
  /** Wall clock, ms: the start, or the last reset. */
  readonly sinceAt: number
  readonly totalAcquisitions: number
  readonly successful: number
  readonly failed: number
  /** 1 before the first acquisition: nothing has failed. */
  readonly successRate: number
  /** From the first caller's request to the end, waits included, failed ones included. */
  readonly avgDurationSeconds: number
  readonly p50Seconds: number
  readonly p95Seconds: number
  readonly p99Seconds: number
  /** Of those acquisitions that logged in somewhere: the logins alone. */
  readonly avgLoginDurationSeconds: number
  readonly timeouts: number
  readonly networkErrors: number
  readonly captchaErrors: number
  readonly credentialErrors: number
  readonly rateLimited: number
  readonly otherErrors: number
  /** Acquisitions whose turn has come and that have not ended yet. */
  readonly concurrent: number
  readonly peakConcurrent: number
  /** Finished acquisitions a second, over the last minute. */
  readonly throughputPerSecond: number
  readonly peakThroughputPerSecond: number
  /** Share of lookups answered without waiting; 0 before the first lookup. */
  readonly cacheHitRate: number
  readonly movingAverages: {
    readonly oneMinute: MovingFigures
    readonly fiveMinutes: MovingFigures
    readonly fifteenMinutes: MovingFigures
  }
}

/** What one provider, kind, site or account came to. */
export interface DimensionFigures {
  readonly total: number
  readonly successful: number
  readonly failed: number
  readonly successRate: number
  readonly avgDurationSeconds: number
  readonly maxDurationSeconds: number
}

export interface PerformanceDimensions {
  readonly byProvider: Readonly<Record<string, DimensionFigures>>
  /** By `provider/kind`. */
  readonly byKind: Readonly<Record<string, DimensionFigures>>
  /** The providers that are logged in to with accounts. */
  readonly bySite: Readonly<Record<string, DimensionFigures>>
  /** By `site/account`. */
  readonly byAccount: Readonly<Record<string, DimensionFigures>>
  /** Accounts whose figures were given up, because others were used later and there are too many to keep them all. */
  readonly forgottenAccounts: number
}
