import type { Clock } from '../core/clock.ts'
import { WindowedHistogram } from '../core/histogram.ts'

const windowMs = 3_600_000
const keptMs = 10_000
/** Fewer durations say nothing about a hundredth of them. */
const enough = 20

/** How long each provider takes to answer, so that renewals begin early enough for a slow one. */
export class ProviderLatency {
  readonly #clock: Clock
  readonly #durations = new Map<string, { histogram: WindowedHistogram; p99Ms: number; at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  record(provider: string, durationMs: number): void {
    let known = this.#durations.get(provider)
    if (!known) {
      const histogram = new WindowedHistogram({ clock: this.#clock, windowMs })
      known = { histogram, p99Ms: 0, at: Number.NEGATIVE_INFINITY }
      this.#durations.set(provider, known)
    }
    known.histogram.record(durationMs)
  }

  /** The P99 of the last hour, in ms; 0 while too little is known. */
  p99Ms(provider: string): number {
    const known = this.#durations.get(provider)
    if (!known) return 0
    const now = this.#clock.monotonic()
    if (now - known.at >= keptMs) {
      const recent = known.histogram.current()
      known.p99Ms = recent.count < enough ? 0 : recent.percentile(0.99)
      known.at = now
    }
    return known.p99Ms
  }
}
