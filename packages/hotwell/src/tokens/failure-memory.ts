import type { Clock } from '../core/clock.ts'
import { type HotwellError, isHotwellError } from '../core/errors.ts'
import { failureOf } from './failure.ts'
import { withPause } from './sort-failure.ts'

/** The last failure of a ref, if nothing succeeded since. */
export interface Failed {
  readonly error: HotwellError
  /** Monotonic: before this nobody but an explicit refresh asks again. */
  readonly retryAt: number
  /** Failures in a row. */
  readonly count: number
}

/** Remembers the last failure of a ref, so that callers are answered at once while asking again makes no sense. */
export class FailureMemory {
  readonly #clock: Clock
  #last: Failed | undefined
  #clearings = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get last(): Failed | undefined {
    return this.#last
  }

  /** The failure that stands in the way of asking again now. */
  get pausing(): HotwellError | undefined {
    const last = this.#last
    if (!last) return undefined
    const pausedMs = last.retryAt - this.#clock.monotonic()
    return pausedMs > 0 ? withPause(last.error, pausedMs) : undefined
  }

  /** How often it was cleared. A failure of what began before a clearing says nothing about the present. */
  get clearings(): number {
    return this.#clearings
  }

  /** False: it says nothing about the ref and is not kept. */
  add(error: unknown): boolean {
    if (!isHotwellError(error) || error.code === 'closed') return false
    const retryAt = this.#clock.monotonic() + (error.retryAfterMs ?? 1000)
    // What a breaker or another process has met before is not one more failure of this ref.
    const counted = error.details.breaker !== 'open' && !error.details.remembered
    this.#last = { error, retryAt, count: (this.#last?.count ?? 0) + (counted ? 1 : 0) }
    return true
  }

  /** True: there was a failure of the provider as a whole. */
  clearProviderWide(): boolean {
    if (!this.#last) return false
    const { disposition, scope } = failureOf(this.#last.error)
    if (disposition !== 'terminal' || scope !== 'provider') return false
    this.clear()
    return true
  }

  clear(): void {
    this.#clearings++
    this.#last = undefined
  }
}
