import type { Clock } from '../core/clock.ts'
import { type HotwellError, isHotwellError } from '../core/errors.ts'

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

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get last(): Failed | undefined {
    return this.#last
  }

  /** The failure that stands in the way of asking again now. */
  get pausing(): HotwellError | undefined {
    return this.#last && this.#clock.monotonic() < this.#last.retryAt ? this.#last.error : undefined
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

  clear(): void {
    this.#last = undefined
  }
}
