/** The latencies of a while, with what is known of their scatter, and the rate at which they were delivered. */
export class LatencyWindow {
  readonly #startedAt: number
  /** The most that were in flight at once. */
  peak: number
  #count = 0
  #mean = 0
  /** The sum of squared differences from the mean (B. P. Welford, 1962). */
  #squares = 0

  constructor(startedAt: number, inFlight: number) {
    this.#startedAt = startedAt
    this.peak = inFlight
  }

  record(latencyMs: number): void {
    const difference = latencyMs - this.#mean
    this.#count++
    this.#mean += difference / this.#count
    this.#squares += difference * (latencyMs - this.#mean)
  }

  /** A round trip at least, and as many latencies as wanted, or a hundred. */
  isFull(now: number, baseMs: number, samples: number): boolean {
    return this.#count >= Math.min(samples, 100) && this.age(now) >= Math.max(100, baseMs)
  }

  get mean(): number {
    return this.#mean
  }

  get count(): number {
    return this.#count
  }

  /** The standard error of the mean, as a share of it. */
  get error(): number {
    return Math.sqrt(this.#squares / (this.#count - 1) / this.#count) / this.#mean
  }

  /** How long it has been open, in ms. */
  age(now: number): number {
    return now - this.#startedAt
  }

  /** Per ms. */
  rate(now: number): number {
    return this.#count / this.age(now)
  }
}
