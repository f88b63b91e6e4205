import { Histogram } from '../core/histogram.ts'

/** All are 0 while nothing was recorded. */
export interface DistributionFigures {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** Counted in buckets with fixed bounds, as Prometheus wants it. */
export interface BucketCounts {
  /** For each bound how many values were at most that large. */
  readonly buckets: readonly number[]
  readonly sum: number
  readonly count: number
}

/** Values of one kind: percentiles for people, buckets for Prometheus. */
export class SyncDistribution {
  readonly #histogram = new Histogram({ lowest: 0.001, highest: 1e9 })
  readonly #bounds: readonly number[]
  /** Each value in the first bucket that holds it. */
  readonly #counts: number[]

  /** `bounds`: ascending. */
  constructor(bounds: readonly number[] = []) {
    this.#bounds = bounds
    this.#counts = new Array<number>(bounds.length + 1).fill(0)
  }

  record(value: number): void {
    // Two clock readings never run backwards; who hands over the events may.
    const known = Math.max(0, value)
    this.#histogram.record(known)
    let bucket = 0
    while (bucket < this.#bounds.length && known > this.#bounds[bucket]!) bucket++
    this.#counts[bucket]!++
  }

  /** Adds what another one with the same bounds has recorded. */
  merge(other: SyncDistribution): void {
    this.#histogram.merge(other.#histogram)
    for (const [index, count] of other.#counts.entries()) this.#counts[index]! += count
  }

  figures(): DistributionFigures {
    const histogram = this.#histogram
    const { count, mean, max } = histogram
    const [p50, p95, p99] = [histogram.percentile(0.5), histogram.percentile(0.95), histogram.percentile(0.99)]
    return { count, mean, p50, p95, p99, max }
  }

  counted(): BucketCounts {
    let below = 0
    const buckets = this.#bounds.map((_, index) => (below += this.#counts[index]!))
    return { buckets, sum: this.#histogram.sum, count: this.#histogram.count }
  }
}
