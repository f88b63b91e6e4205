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
/** What a baseline is made of before anything is compared with it: both. */
const leastBaseline = 10
const leastBaselineSamples = 300
/** The share of the newest window in the baseline: half of it is of the last half hour. */
const weight = 0.02
/** In a window with fewer acquisitions the mean says little. */
const leastSamples = 5
/** What has lasted so many windows is how things are now. */
const newNormal = 60
/** An anomaly whose last window is older is no news: nobody acquires any more. */
const staleMs = 900_000

/**
 * Finds what changed: a window of a minute that lies four standard deviations above the moving baseline, three times
 * in a row. A deviation is what windows differ by, and at least what chance makes of the mean of so few acquisitions;
 * otherwise one slow login among quick tokens would be an anomaly as long as the baseline has not seen one.
 */
export class AnomalyWatch {
  readonly #clock: Clock
  readonly #durations = new Series('avgDurationSeconds', mean => Math.max(0.001, mean * 0.1))
  readonly #failureRates = new Series('failureRate', (mean, count) => Math.sqrt(Math.max(mean, 1 / count) / count))
  #window: number
  #acquisitions = 0
  #failures = 0
  #sumSeconds = 0
  #sumSquares = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#window = windowOf(clock.monotonic())
  }

  /** `now`: monotonic ms. */
  record(now: number, success: boolean, durationSeconds: number): void {
    this.#close(now)
    this.#acquisitions++
    if (!success) this.#failures++
    this.#sumSeconds += durationSeconds
    this.#sumSquares += durationSeconds * durationSeconds
  }

  current(): Anomaly[] {
    this.#close(this.#clock.monotonic())
    const stale = this.#window - Math.ceil(staleMs / windowMs)
    return [this.#durations, this.#failureRates].flatMap(series => series.anomalySince(stale) ?? [])
  }

  reset(): void {
    this.#durations.reset()
    this.#failureRates.reset()
    this.#begin(this.#clock.monotonic())
  }

  /** Looks at the window that is over, if one is. */
  #close(now: number): void {
    const number = this.#window
    if (windowOf(now) === number) return
    const count = this.#acquisitions
    if (count >= leastSamples) {
      const beganAt = this.#clock.now() - (now - number * windowMs)
      const window = { number, beganAt, count }
      const failed = this.#failures / count
      this.#durations.add({ ...window, mean: this.#sumSeconds / count, meanSquare: this.#sumSquares / count })
      this.#failureRates.add({ ...window, mean: failed, meanSquare: failed })
    }
    this.#begin(now)
  }

  #begin(now: number): void {
    this.#window = windowOf(now)
    this.#acquisitions = this.#failures = this.#sumSeconds = this.#sumSquares = 0
  }
}

function windowOf(monotonicMs: number): number {
  return Math.floor(monotonicMs / windowMs)
}

/** What one minute's acquisitions came to; a failure counts 1, a success 0. */
interface Window {
  readonly number: number
  /** Wall clock, ms. */
  readonly beganAt: number
  readonly count: number
  readonly mean: number
  readonly meanSquare: number
}

class Series {
  readonly #metric: Anomaly['metric']
  readonly #leastDeviation: (mean: number, count: number) => number
  readonly #baseline = new MovingAverage(weight)
  readonly #squares = new MovingAverage(weight)
  #samples = 0
  /** The windows in a row that were far from the baseline. */
  #far: Window[] = []
  #zScore = 0

  /** `leastDeviation`: so much is noise even where the baseline has never seen any. */
  constructor(metric: Anomaly['metric'], leastDeviation: (mean: number, count: number) => number) {
    this.#metric = metric
    this.#leastDeviation = leastDeviation
  }

  add(window: Window): void {
    this.#zScore = this.#baseline.zScore(window.mean, this.#chance(window.count))
    const isKnown = this.#baseline.count >= leastBaseline && this.#samples >= leastBaselineSamples
    if (isKnown && this.#zScore >= farZ) {
      this.#far.push(window)
      if (this.#far.length < newNormal) return
      this.reset()
    }
    // Too short for an anomaly, they are part of how things are; else the baseline would never learn of such noise.
    if (this.#far.length < windowsInRow) for (const blip of this.#far) this.#learn(blip)
    this.#far = []
    this.#learn(window)
  }

  /** The one whose last window is no older than this one. */
  anomalySince(number: number): Anomaly | undefined {
    const first = this.#far[0]
    const last = this.#far.at(-1)
    if (!first || !last || this.#far.length < windowsInRow || last.number < number) return undefined
    const value = last.mean
    const baseline = this.#baseline.mean
    const message =
      this.#metric === 'failureRate'
        ? `${(value * 100).toFixed(1)}% of the acquisitions fail; ${(baseline * 100).toFixed(1)}% did before.`
        : `An acquisition takes ${value.toPrecision(3)} s in the mean; it was ${baseline.toPrecision(3)} s before.`
    return { metric: this.#metric, value, baseline, zScore: this.#zScore, message, sinceAt: first.beganAt }
  }

  reset(): void {
    this.#baseline.reset()
    this.#squares.reset()
    this.#samples = 0
    this.#far = []
  }

  /** The standard deviation that the mean of so many acquisitions has by chance. */
  #chance(count: number): number {
    const { mean } = this.#baseline
    const variance = Math.max(0, this.#squares.mean - mean * mean)
    return Math.max(this.#leastDeviation(mean, count), Math.sqrt(variance / count))
  }

  #learn({ mean, meanSquare, count }: Window): void {
    this.#baseline.record(mean)
    this.#squares.record(meanSquare)
    this.#samples += count
  }
}
