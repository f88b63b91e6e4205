import type { Clock } from '../core/clock.ts'
import { MovingAverage } from '../core/moving-average.ts'

/** Something that is far from what it was, whatever the thresholds say. */
export interface Anomaly {
  readonly metric: 'avgDurationSeconds' | 'failureRate'
  /** Of the last window. */
  readonly value: number
  /** The mean of the windows before. */
  readonly baseline: number
  /** By how many standard deviations the value lies above the baseline. */
  readonly zScore: number
  /** A whole sentence for people. */
  readonly message: string
  /** Wall clock, ms: the beginning of its first window. */
  readonly sinceAt: number
}

const windowMs = 60_000
const farZ = 4
const windowsInRow = 3
/** Windows that a baseline is made of before anything is compared with it. */
const leastBaseline = 10
/** In a window with fewer acquisitions the mean says little. */
const leastSamples = 5
/** What has lasted so many windows is how things are now. */
const newNormal = 60

/**
 * Finds what changed: a window of a minute that lies four standard deviations above the moving baseline, three times
 * in a row. Such windows do not move the baseline.
 */
export class AnomalyWatch {
  readonly #clock: Clock
  readonly #series: readonly Series[] = [new Series('avgDurationSeconds'), new Series('failureRate')]
  #window: number
  #acquisitions = 0
  #failures = 0
  #durationSeconds = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#window = this.#now()
  }

  record(success: boolean, durationSeconds: number): void {
    this.#close()
    this.#acquisitions++
    if (!success) this.#failures++
    this.#durationSeconds += durationSeconds
  }

  current(): Anomaly[] {
    this.#close()
    return this.#series.flatMap(series => series.anomaly ?? [])
  }

  reset(): void {
    for (const series of this.#series) series.reset()
    this.#begin()
  }

  #now(): number {
    return Math.floor(this.#clock.monotonic() / windowMs)
  }

  /** Looks at the window that is over, if one is. */
  #close(): void {
    const now = this.#now()
    if (now === this.#window) return
    const count = this.#acquisitions
    if (count >= leastSamples) {
      const beganAt = this.#clock.now() - (this.#clock.monotonic() - this.#window * windowMs)
      const [duration, failures] = this.#series
      duration!.add(this.#durationSeconds / count, beganAt, mean => Math.max(0.001, mean * 0.1))
      // What chance alone makes of a rate that is seen in so few acquisitions.
      failures!.add(this.#failures / count, beganAt, mean => Math.sqrt(Math.max(mean, 1 / count) / count))
    }
    this.#window = now
    this.#begin()
  }

  #begin(): void {
    this.#window = this.#now()
    this.#acquisitions = this.#failures = this.#durationSeconds = 0
  }
}

class Series {
  readonly #metric: Anomaly['metric']
  readonly #baseline = new MovingAverage(0.05)
  #far: { windows: number; sinceAt: number; value: number; zScore: number } | undefined

  constructor(metric: Anomaly['metric']) {
    this.#metric = metric
  }

  add(value: number, beganAt: number, leastDeviation: (mean: number) => number): void {
    const zScore = this.#baseline.zScore(value, leastDeviation(this.#baseline.mean))
    if (this.#baseline.count < leastBaseline || zScore < farZ) {
      this.#far = undefined
      this.#baseline.record(value)
      return
    }
    const { windows = 0, sinceAt = beganAt } = this.#far ?? {}
    this.#far = { windows: windows + 1, sinceAt, value, zScore }
    if (windows + 1 < newNormal) return
    this.reset()
    this.#baseline.record(value)
  }

  get anomaly(): Anomaly | undefined {
    if (!this.#far || this.#far.windows < windowsInRow) return undefined
    const { sinceAt, value, zScore } = this.#far
    const baseline = this.#baseline.mean
    const message =
      this.#metric === 'failureRate'
        ? `${(value * 100).toFixed(1)}% of the acquisitions fail; ${(baseline * 100).toFixed(1)}% did before.`
        : `An acquisition takes ${value.toPrecision(3)} s in the mean; it was ${baseline.toPrecision(3)} s before.`
    return { metric: this.#metric, value, baseline, zScore, message, sinceAt }
  }

  reset(): void {
    this.#baseline.reset()
    this.#far = undefined
  }
}
