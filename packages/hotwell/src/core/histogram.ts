import type { Clock } from './clock.ts'

/** Which values a {@link Histogram} tells apart, in whatever unit the caller records. */
export interface HistogramOptions {
  /** Values below count as this. More than 0. @default 0.01 */
  lowest?: number
  /** Values above count as this. @default 1e9 */
  highest?: number
}

/**
 * Each power of two is cut into 64 buckets of equal width, so that the middle of a bucket is at most 1/128 (0.8 %)
 * away from any value in it. The upper bits of a double, exponent and first six bits of the fraction, are then the
 * number of the bucket (IEEE 754, binary64).
 */
const shift = 20 - 6
const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
double[0] = 1
const upper = words[1] === 0 ? 0 : 1

function bucketOf(value: number): number {
  double[0] = value
  return words[upper]! >>> shift
}

function startOf(bucket: number): number {
  words[upper] = bucket << shift
  words[1 - upper] = 0
  return double[0]!
}

/**
 * Counts values in buckets that grow with the value: about 10 kB, whatever is recorded, and percentiles within 0.8 %
 * (of values from `lowest` to `highest`). Least, greatest and mean are exact. While empty every figure is 0.
 */
export class Histogram {
  #count = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0
  readonly #first: number
  readonly #counts: Uint32Array

  constructor(options: HistogramOptions = {}) {
    const { lowest = 0.01, highest = 1e9 } = options
    if (!(lowest > 0 && highest > lowest && highest < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`A histogram needs 0 < lowest < highest, it was given ${lowest} and ${highest}.`)
    }
    this.#first = bucketOf(lowest)
    this.#counts = new Uint32Array(bucketOf(highest) - this.#first + 1)
  }

  get count(): number {
    return this.#count
  }

  get sum(): number {
    return this.#sum
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count
  }

  get min(): number {
    return this.#count === 0 ? 0 : this.#min
  }

  get max(): number {
    return this.#max
  }

  /** @throws RangeError for what is negative or no finite number */
  record(value: number): void {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`A histogram records finite numbers from 0, not ${value}.`)
    }
    // -0 has its sign bit set and would fall into the last bucket.
    const unsigned = value + 0
    const index = bucketOf(unsigned) - this.#first
    this.#counts[Math.max(0, Math.min(index, this.#counts.length - 1))]!++
    this.#count++
    this.#sum += value
    if (unsigned < this.#min) this.#min = unsigned
    if (unsigned > this.#max) this.#max = unsigned
  }

  /**
   * The value that the given share of all values does not exceed: `percentile(0.99)` is the P99.
   * @throws RangeError for a share that is not from 0 to 1
   */
  percentile(share: number): number {
    if (!(share >= 0 && share <= 1)) {
      throw new RangeError(`A percentile is asked for as a share from 0 to 1 (0.99 for P99), not ${share}.`)
    }
    if (this.#count === 0) return 0
    const rank = Math.max(1, Math.ceil(share * this.#count))
    if (rank === 1) return this.#min
    if (rank === this.#count) return this.#max
    let seen = 0
    let index = 0
    while ((seen += this.#counts[index]!) < rank) index++
    const bucket = index + this.#first
    const middle = (startOf(bucket) + startOf(bucket + 1)) / 2
    return Math.min(this.#max, Math.max(this.#min, middle))
  }

  /** Adds what another one has counted, which has to have the same `lowest` and `highest`. */
  merge(other: Histogram): void {
    if (other.#first !== this.#first || other.#counts.length !== this.#counts.length) {
      throw new RangeError('Only histograms with the same lowest and highest value can be merged.')
    }
    if (other.#count === 0) return
    for (let index = 0; index < this.#counts.length; index++) this.#counts[index]! += other.#counts[index]!
    this.#count += other.#count
    this.#sum += other.#sum
    this.#min = Math.min(this.#min, other.#min)
    this.#max = Math.max(this.#max, other.#max)
  }

  reset(): void {
    this.#counts.fill(0)
    this.#count = 0
    this.#sum = 0
    this.#min = Number.POSITIVE_INFINITY
    this.#max = 0
  }
}

/** How long a {@link WindowedHistogram} remembers. */
export interface WindowedHistogramOptions extends HistogramOptions {
  clock: Clock
  /** Values older than this are forgotten, in milliseconds. @default 300_000 */
  windowMs?: number
  /** In how many steps it forgets; each costs the memory of one histogram. @default 5 */
  slices?: number
}

/**
 * A histogram of the last minutes: "the P99 of the last five". It forgets a slice at a time, so it reaches back at
 * least `windowMs − windowMs ÷ slices` and at most `windowMs`.
 */
export class WindowedHistogram {
  readonly #clock: Clock
  readonly #sliceMs: number
  readonly #ring: Histogram[]
  readonly #merged: Histogram
  #slice: number
  #stale = false

  constructor(options: WindowedHistogramOptions) {
    const { clock, windowMs = 300_000, slices = 5, ...range } = options
    if (!(windowMs > 0 && Number.isInteger(slices) && slices > 0)) {
      throw new RangeError(`A window needs a length above 0 and whole slices, not ${windowMs} ms in ${slices}.`)
    }
    this.#clock = clock
    this.#sliceMs = windowMs / slices
    this.#ring = Array.from({ length: slices }, () => new Histogram(range))
    this.#merged = new Histogram(range)
    this.#slice = Math.floor(clock.monotonic() / this.#sliceMs)
  }

  /** `now`: the monotonic instant, from whoever has just read it. */
  record(value: number, now = this.#clock.monotonic()): void {
    this.#forget(now)
    this.#ring[this.#slice % this.#ring.length]!.record(value)
    this.#stale = true
  }

  percentile(share: number): number {
    return this.current().percentile(share)
  }

  get count(): number {
    return this.current().count
  }

  /** All of the window in one. It belongs to the window: read it at once, do not keep or change it. */
  current(): Histogram {
    this.#forget(this.#clock.monotonic())
    if (this.#stale) {
      this.#merged.reset()
      for (const part of this.#ring) this.#merged.merge(part)
      this.#stale = false
    }
    return this.#merged
  }

  reset(): void {
    for (const part of this.#ring) part.reset()
    this.#stale = true
  }

  #forget(now: number): void {
    const slice = Math.floor(now / this.#sliceMs)
    const steps = Math.min(slice - this.#slice, this.#ring.length)
    if (steps <= 0) return
    for (let step = 0; step < steps; step++) this.#ring[(slice - step) % this.#ring.length]!.reset()
    this.#slice = slice
    this.#stale = true
  }
}
