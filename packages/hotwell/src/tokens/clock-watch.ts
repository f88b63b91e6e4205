import type { Clock, ScheduledCall } from '../core/clock.ts'

const everyMs = 1000
const toleranceMs = 2000

/**
 * Compares the wall clock with the monotonic one once a second, and whenever somebody looks at the clock for the first
 * time in a turn of the event loop. More than two seconds of disagreement means that the
 * machine was suspended or that somebody set the time: then every token has to be looked at again.
 */
export class ClockWatch {
  readonly #clock: Clock
  readonly #jumped: (byMs: number) => void
  #offset: number
  #next: ScheduledCall | undefined
  readonly #ignore: () => void

  constructor(clock: Clock, jumped: (byMs: number) => void) {
    this.#clock = clock
    this.#jumped = jumped
    this.#offset = clock.now() - clock.monotonic()
    this.#ignore = clock.onLook(() => this.#compare())
    this.#arm()
  }

  stop(): void {
    this.#ignore()
    this.#next?.cancel()
  }

  #arm(): void {
    this.#next = this.#clock.schedule(() => {
      this.#compare()
      this.#arm()
    }, everyMs)
  }

  #compare(): void {
    const offset = this.#clock.now() - this.#clock.monotonic()
    const byMs = offset - this.#offset
    if (Math.abs(byMs) <= toleranceMs) return
    this.#offset = offset
    this.#jumped(byMs)
  }
}
