import { type Clock, coarseTickMs, createSystemClock, type ScheduledCall } from 'hotwell/core'

/**
 * The machine's clocks, moved ahead together: hours pass at once, while timers and what is measured stay real. Nothing
 * is due earlier by it; a token is only found older by whoever looks at it.
 */
export class ShiftedClock implements Clock {
  coarseMs: number
  readonly bootId: string
  readonly #real = createSystemClock()
  readonly #ticker: NodeJS.Timeout
  #aheadMs = 0

  constructor() {
    this.bootId = this.#real.bootId
    this.coarseMs = this.monotonic()
    this.#ticker = setInterval(() => {
      this.coarseMs = this.monotonic()
    }, coarseTickMs)
    this.#ticker.unref()
  }

  now(): number {
    return this.#real.now() + this.#aheadMs
  }

  monotonic(): number {
    return this.#real.monotonic() + this.#aheadMs
  }

  schedule(callback: () => void, delayMs: number): ScheduledCall {
    return this.#real.schedule(callback, delayMs)
  }

  skip(byMs: number): void {
    this.#aheadMs += byMs
    this.coarseMs = this.monotonic()
  }

  stop(): void {
    clearInterval(this.#ticker)
    this.#real.stop()
  }
}
