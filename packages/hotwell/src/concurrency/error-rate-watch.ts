import type { AttemptOutcome } from './adaptive-limit.ts'
import type { ExecutorCounts } from './executor-statistics.ts'

export interface ErrorRateWatchOptions {
  /** The share of the last minute's attempts that may go wrong, 0 to 1. @default 0.1 */
  above?: number
  /** Fewer attempts in the last minute tell nothing. @default 20 */
  leastAttempts?: number
  /** Told once when the rate has risen above it, and once when it has fallen to half of it. */
  onChange: (isHigh: boolean, errorRate: number) => void
}

/** Tells when too many attempts go wrong, and when that is over. Half way back, so that it does not flutter. */
export class ErrorRateWatch {
  #isHigh = false
  readonly #counts: ExecutorCounts
  readonly #options: Required<ErrorRateWatchOptions>

  constructor(counts: ExecutorCounts, { above = 0.1, leastAttempts = 20, onChange }: ErrorRateWatchOptions) {
    this.#counts = counts
    this.#options = { above, leastAttempts, onChange }
  }

  /** After each attempt; what cannot change the answer is not computed. */
  look(outcome: AttemptOutcome): void {
    if ((outcome === 'ok') !== this.#isHigh) return
    const { above, leastAttempts, onChange } = this.#options
    const rate = this.#counts.errorRate
    if (this.#isHigh ? rate > above / 2 : rate <= above || this.#counts.recent < leastAttempts) return
    this.#isHigh = !this.#isHigh
    try {
      onChange(this.#isHigh, rate)
    } catch {
      // A listener that throws hurts nobody.
    }
  }
}
