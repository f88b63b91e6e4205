import type { Clock } from '../core/clock.ts'

/** Sums over a span of time. */
export interface OutcomeSums {
  acquisitions: number
  successes: number
  timeouts: number
  durationSeconds: number
  hits: number
  misses: number
}

interface Slice extends OutcomeSums {
  number: number
}

const sliceMs = 10_000

/**
 * What finished in the last minutes, in slices of ten seconds: sums over any span up to the window. It forgets a slice
 * at a time, so a span reaches back up to ten seconds less than it says.
 */
export class RecentOutcomes {
  readonly #clock: Clock
  readonly #ring: Slice[]

  constructor(clock: Clock, windowSeconds: number) {
    this.#clock = clock
    const slices = Math.max(1, Math.ceil((windowSeconds * 1000) / sliceMs))
    this.#ring = Array.from({ length: slices }, () => emptySlice(-1))
  }

  /** The same outcomes in another window, as far as both reach. */
  within(windowSeconds: number): RecentOutcomes {
    const other = new RecentOutcomes(this.#clock, windowSeconds)
    const oldest = this.#now() - other.#ring.length
    for (const slice of this.#ring) {
      if (slice.number > oldest) other.#ring[slice.number % other.#ring.length] = { ...slice }
    }
    return other
  }

  /** `now` (monotonic ms): to read the clock costs more than the rest of it. */
  acquisition(now: number, success: boolean, timeout: boolean, durationSeconds: number): void {
    const slice = this.#slice(Math.floor(now / sliceMs))
    slice.acquisitions++
    if (success) slice.successes++
    if (timeout) slice.timeouts++
    slice.durationSeconds += durationSeconds
  }

  /**
   * Hits are spread over the time since they were counted last: those of the hours in which nobody looked must not
   * outweigh what is missed now. Misses belong to now, because acquisitions follow them, and then somebody looks.
   */
  lookups(hits: number, misses: number, sinceMs: number): void {
    const now = this.#now()
    const slices = Math.max(1, Math.ceil(sinceMs / sliceMs))
    this.#slice(now).misses += misses
    for (let back = Math.min(slices, this.#ring.length, now + 1) - 1; back >= 0; back--)
      this.#slice(now - back).hits += Math.floor(hits / slices) + (back < hits % slices ? 1 : 0)
  }

  over(spanSeconds: number): OutcomeSums {
    const first = this.#firstOf(spanSeconds)
    const sums: OutcomeSums = { acquisitions: 0, successes: 0, timeouts: 0, durationSeconds: 0, hits: 0, misses: 0 }
    for (const slice of this.#ring) {
      if (slice.number < first) continue
      sums.acquisitions += slice.acquisitions
      sums.successes += slice.successes
      sums.timeouts += slice.timeouts
      sums.durationSeconds += slice.durationSeconds
      sums.hits += slice.hits
      sums.misses += slice.misses
    }
    return sums
  }

  /** So far back {@link over} really looks, in seconds. */
  reachSeconds(spanSeconds: number): number {
    return (this.#clock.monotonic() - this.#firstOf(spanSeconds) * sliceMs) / 1000
  }

  reset(): void {
    for (const index of this.#ring.keys()) this.#ring[index] = emptySlice(-1)
  }

  #firstOf(spanSeconds: number): number {
    const slices = Math.max(1, Math.ceil((spanSeconds * 1000) / sliceMs))
    return this.#now() - Math.min(this.#ring.length, slices) + 1
  }

  #now(): number {
    return Math.floor(this.#clock.monotonic() / sliceMs)
  }

  #slice(number: number): Slice {
    const index = number % this.#ring.length
    const slice = this.#ring[index]!
    return slice.number === number ? slice : (this.#ring[index] = emptySlice(number))
  }
}

function emptySlice(number: number): Slice {
  return { number, acquisitions: 0, successes: 0, timeouts: 0, durationSeconds: 0, hits: 0, misses: 0 }
}
