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

  acquisition(success: boolean, timeout: boolean, durationSeconds: number): void {
    const slice = this.#current()
    slice.acquisitions++
    if (success) slice.successes++
    if (timeout) slice.timeouts++
    slice.durationSeconds += durationSeconds
  }

  lookups(hits: number, misses: number): void {
    const slice = this.#current()
    slice.hits += hits
    slice.misses += misses
  }

  over(spanSeconds: number): OutcomeSums {
    const oldest = this.#now() - Math.min(this.#ring.length, Math.max(1, Math.ceil((spanSeconds * 1000) / sliceMs)))
    const sums: OutcomeSums = { acquisitions: 0, successes: 0, timeouts: 0, durationSeconds: 0, hits: 0, misses: 0 }
    for (const slice of this.#ring) {
      if (slice.number <= oldest) continue
      sums.acquisitions += slice.acquisitions
      sums.successes += slice.successes
      sums.timeouts += slice.timeouts
      sums.durationSeconds += slice.durationSeconds
      sums.hits += slice.hits
      sums.misses += slice.misses
    }
    return sums
  }

  reset(): void {
    for (const index of this.#ring.keys()) this.#ring[index] = emptySlice(-1)
  }

  #now(): number {
    return Math.floor(this.#clock.monotonic() / sliceMs)
  }

  #current(): Slice {
    const now = this.#now()
    const index = now % this.#ring.length
    const slice = this.#ring[index]!
    return slice.number === now ? slice : (this.#ring[index] = emptySlice(now))
  }
}

function emptySlice(number: number): Slice {
  return { number, acquisitions: 0, successes: 0, timeouts: 0, durationSeconds: 0, hits: 0, misses: 0 }
}
