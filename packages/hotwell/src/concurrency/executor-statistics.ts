import type { Clock } from '../core/clock.ts'
import { WindowedHistogram } from '../core/histogram.ts'
import { RateCounter } from '../core/moving-average.ts'
import type { AttemptOutcome } from './adaptive-limit.ts'
import type { ExecutorStatistics } from './executor-contract.ts'

type Counted = Pick<
  ExecutorStatistics,
  | 'succeeded'
  | 'failed'
  | 'refused'
  | 'retries'
  | 'outcomes'
  | 'errorRate'
  | 'rejectionRate'
  | 'perSecond'
  | 'latencyMs'
>

/** Counts what ended, and how. */
export class ExecutorCounts {
  succeeded = 0
  failed = 0
  refused = 0
  retries = 0
  readonly outcomes: Record<AttemptOutcome, number> = { ok: 0, rate_limited: 0, overloaded: 0, failed: 0 }
  readonly #latency: WindowedHistogram
  readonly #ok: RateCounter
  readonly #rejected: RateCounter
  readonly #failed: RateCounter

  constructor(clock: Clock) {
    this.#latency = new WindowedHistogram({ clock })
    this.#ok = new RateCounter({ clock })
    this.#rejected = new RateCounter({ clock })
    this.#failed = new RateCounter({ clock })
  }

  record(outcome: AttemptOutcome, latencyMs: number, now: number): void {
    this.outcomes[outcome]++
    if (outcome === 'ok') {
      this.#ok.add()
      this.#latency.record(latencyMs, now)
    } else if (outcome === 'failed') this.#failed.add()
    else this.#rejected.add()
  }

  /** Attempts of the last minute. */
  get recent(): number {
    return this.#ok.total + this.#rejected.total + this.#failed.total
  }

  /** Share of these that were not `ok`; 0 of none. */
  get errorRate(): number {
    return share(this.#rejected.total + this.#failed.total, this.recent)
  }

  snapshot(): Counted {
    const { succeeded, failed, refused, retries, outcomes, errorRate } = this
    const latency = this.#latency.current()
    return {
      succeeded,
      failed,
      refused,
      retries,
      outcomes: { ...outcomes },
      errorRate,
      rejectionRate: share(this.#rejected.total, this.recent),
      perSecond: this.#ok.perSecond,
      latencyMs: {
        mean: latency.mean,
        p50: latency.percentile(0.5),
        p95: latency.percentile(0.95),
        p99: latency.percentile(0.99),
      },
    }
  }
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
