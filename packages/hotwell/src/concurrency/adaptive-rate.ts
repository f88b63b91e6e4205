import type { Clock } from '../core/clock.ts'
import { RateCounter } from '../core/moving-average.ts'
import { RateGate, type RateQuota } from '../core/rate-gate.ts'

export interface AdaptiveRateOptions {
  clock: Clock
  /** The backend's documented quota, kept exactly. @default none */
  quota?: RateQuota | undefined
}

/**
 * Finds the rate that a backend lets in, from its 429s alone. After the first of them the rate is cut to four fifths of
 * what was delivered, and grows as a cubic does: fast back to what was delivered, slowly around there, then ever faster
 * until the next 429. Unlike the rate gate of the core, which spares a provider, it takes the same time to come back
 * whatever the rate, so that hardly anything of a quota is left unused. Without timers: whoever waits asks
 * {@link nextAt} and comes back then.
 */
export class AdaptiveRate {
  readonly #clock: Clock
  readonly #quota: RateGate | undefined
  readonly #delivered: RateCounter
  /** What was delivered per second when a 429 came; `Infinity` before the first. */
  #ceiling = Number.POSITIVE_INFINITY
  #cutAt = Number.NEGATIVE_INFINITY
  /** How often it was cut. */
  #cuts = 0
  #growsFrom = 0
  #heldUntil = 0
  #level = 0
  #levelAt = 0
  #usedAt = 0

  /** @throws HotwellError `invalid_configuration` for a quota that lets nothing pass */
  constructor({ clock, quota }: AdaptiveRateOptions) {
    this.#clock = clock
    this.#quota = quota && new RateGate({ clock, quota })
    this.#delivered = new RateCounter({ clock, slices: 240 })
  }

  /** How many a second may begin now; `Infinity` without a quota and a 429. */
  get perSecond(): number {
    const learned = this.#rateAt(this.#clock.monotonic())
    return Math.min(this.#quota?.perSecond ?? Number.POSITIVE_INFINITY, learned)
  }

  /** The instant (monotonic ms) from which the next one may begin; `now` itself if that is now. */
  nextAt(now: number): number {
    const at = Math.max(now, this.#heldUntil, this.#quota?.nextAt(now) ?? now)
    if (this.#ceiling === Number.POSITIVE_INFINITY) return at
    this.#refill(now)
    if (this.#level >= 1 - 1e-9) return at
    return Math.max(at, this.#levelAt + ((1 - this.#level) * 1000) / this.#rateAt(now))
  }

  /** Lets one begin. False: it is too early, and nothing was taken. */
  take(now: number): boolean {
    if (this.nextAt(now) > now) return false
    this.#quota?.take(now)
    if (this.#ceiling === Number.POSITIVE_INFINITY) return true
    this.#level--
    // Time in which nothing begins teaches nothing.
    this.#growsFrom += Math.max(0, now - this.#usedAt - this.#returnMs)
    this.#usedAt = now
    return true
  }

  /** One was served. */
  deliver(): void {
    this.#delivered.add()
  }

  /**
   * One that began at `startedAt` came too soon. Nothing begins for `retryAfterMs`, an hour at most. It cuts the rate
   * once a round trip: what had begun before a cut does not know of it.
   */
  penalize(retryAfterMs: number, startedAt: number, now: number): void {
    const holdMs = Math.min(longestHoldMs, Math.max(0, retryAfterMs || 0))
    this.#heldUntil = Math.max(this.#heldUntil, now + holdMs)
    if (startedAt >= this.#cutAt) {
      const former = this.#rateAt(now)
      // Over the spans that a limit may be counted in, the highest: a lull must not pass for a low limit.
      const accepted = Math.max(...[1000, 10_000, 60_000].map(span => this.#delivered.perSecondOver(span)))
      this.#ceiling = Math.max(lowestPerSecond, this.#estimate(former, accepted))
      this.#cutAt = now
      this.#cuts++
    }
    this.#growsFrom = this.#levelAt = this.#usedAt = Math.max(now, this.#heldUntil)
    // Once the server's own `Retry-After` is over, the next one is welcome.
    this.#level = holdMs > 0 ? 1 : 0
  }

  /** What was delivered lags behind a rate that grows, and what was asked for was a little too much: so the middle. */
  #estimate(former: number, accepted: number): number {
    if (former === Number.POSITIVE_INFINITY) return accepted || 1
    return Math.min(former, (accepted + former) / 2)
  }

  #rateAt(now: number): number {
    if (this.#ceiling === Number.POSITIVE_INFINITY) return this.#ceiling
    const returnMs = this.#returnMs
    const grownMs = Math.max(0, Math.min(now, this.#usedAt + returnMs) - this.#growsFrom)
    // The first 429 may be due to a burst at the start, long before the limit.
    if (this.#cuts === 1) return this.#ceiling * firstGrowth ** (grownMs / 1000)
    return this.#ceiling * (1 + (1 - cutFactor) * (grownMs / returnMs - 1) ** 3)
  }

  /**
   * How long the rate takes back to the ceiling; longer where that is low, because there each 429 is one of few. Only a
   * little longer: of several who share a quota, the one with the least would else grow the slowest, and never catch up.
   */
  get #returnMs(): number {
    return 1000 * Math.max(returnSeconds, returnScale / this.#ceiling ** returnPower)
  }

  #refill(now: number): void {
    if (now <= this.#levelAt) return
    this.#level = Math.min(burst, this.#level + ((now - this.#levelAt) / 1000) * this.#rateAt(now))
    this.#levelAt = now
  }
}

const cutFactor = 0.8
const returnSeconds = 1.5
/** In seconds, for one request a second. */
const returnScale = 6.2
const returnPower = 0.22
/** A second. */
const firstGrowth = 2.5
const burst = 3
const lowestPerSecond = 0.01
const longestHoldMs = 3_600_000
