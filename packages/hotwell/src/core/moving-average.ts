import type { Clock } from './clock.ts'

/**
 * Mean and variance that weigh new values more: with `weight` 0.1 a value's share has halved about seven values later.
 * The first values count equally, so that a short series has its plain mean.
 * (T. Finch, Incremental calculation of weighted mean and variance, 2009, section 9.)
 */
export class MovingAverage {
  readonly #weight: number
  #count = 0
  #mean = 0
  #variance = 0

  /** `weight`: the share of the newest value, above 0 and at most 1. */
  constructor(weight = 0.1) {
    if (!(weight > 0 && weight <= 1)) {
      throw new RangeError(`The weight of a moving average is above 0 and at most 1, not ${weight}.`)
    }
    this.#weight = weight
  }

  record(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`A moving average takes finite numbers, not ${value}.`)
    this.#count++
    const weight = Math.max(this.#weight, 1 / this.#count)
    const difference = value - this.#mean
    const step = weight * difference
    this.#mean += step
    this.#variance = (1 - weight) * (this.#variance + difference * step)
  }

  get count(): number {
    return this.#count
  }

  get mean(): number {
    return this.#mean
  }

  get variance(): number {
    return this.#variance
  }

  get deviation(): number {
    return Math.sqrt(this.#variance)
  }

  /**
   * By how many standard deviations `value` lies above (below: negative) the mean; 0 while nothing is recorded.
   * `leastDeviation` keeps a series that hardly varies from calling every ripple an outlier.
   */
  zScore(value: number, leastDeviation = 0): number {
    if (this.#count === 0 || value === this.#mean) return 0
    return (value - this.#mean) / Math.max(this.deviation, leastDeviation)
  }

  reset(): void {
    this.#count = 0
    this.#mean = 0
    this.#variance = 0
  }
}

/** What a {@link RateCounter} looks back on. */
export interface RateCounterOptions {
  clock: Clock
  /** In milliseconds. @default 60_000 */
  windowMs?: number
  /** In how many steps it forgets. @default 60 */
  slices?: number
}

/** Counts what happened in the last minute (or so), and how much of it per second. */
export class RateCounter {
  readonly #clock: Clock
  readonly #sliceMs: number
  readonly #counts: Float64Array
  #slice: number
  #startedAt: number
  #total = 0

  constructor(options: RateCounterOptions) {
    const { clock, windowMs = 60_000, slices = 60 } = options
    if (!(windowMs > 0 && Number.isInteger(slices) && slices > 0)) {
      throw new RangeError(`A window needs a length above 0 and whole slices, not ${windowMs} ms in ${slices}.`)
    }
    this.#clock = clock
    this.#sliceMs = windowMs / slices
    this.#counts = new Float64Array(slices)
    this.#slice = Math.floor(clock.monotonic() / this.#sliceMs)
    this.#startedAt = clock.monotonic()
  }

  add(times = 1): void {
    this.#forget()
    this.#counts[this.#slice % this.#counts.length]! += times
    this.#total += times
  }

  /** How many in the window. */
  get total(): number {
    this.#forget()
    return this.#total
  }

  /** Per second over the window, or over the time since the start where that is shorter (a second at least). */
  get perSecond(): number {
    return this.perSecondOver(this.#counts.length * this.#sliceMs)
  }

  /** Per second over the last `spanMs` and the rest of the slice in which that begins, at most over the window. */
  perSecondOver(spanMs: number): number {
    this.#forget()
    const now = this.#clock.monotonic()
    const slices = Math.min(this.#counts.length, Math.ceil(spanMs / this.#sliceMs) + 1)
    let sum = 0
    for (let back = 0; back < slices && back <= this.#slice; back++) {
      sum += this.#counts[(this.#slice - back) % this.#counts.length]!
    }
    const begunAt = Math.max(this.#startedAt, (this.#slice - slices + 1) * this.#sliceMs)
    return (sum * 1000) / Math.max(1000, now - begunAt)
  }

  reset(): void {
    this.#counts.fill(0)
    this.#total = 0
    this.#startedAt = this.#clock.monotonic()
  }

  #forget(): void {
    const slice = Math.floor(this.#clock.monotonic() / this.#sliceMs)
    const steps = Math.min(slice - this.#slice, this.#counts.length)
    if (steps <= 0) return
    for (let step = 0; step < steps; step++) {
      const index = (slice - step) % this.#counts.length
      this.#total -= this.#counts[index]!
      this.#counts[index] = 0
    }
    this.#slice = slice
  }
}
