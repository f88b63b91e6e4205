import type { Clock } from './clock.ts'
import { HotwellError } from './errors.ts'
import { RateCounter } from './moving-average.ts'

/** A documented limit: in any window of t seconds at most `perSecond` × t + `burst` pass. */
export interface RateQuota {
  /** More than 0. */
  readonly perSecond: number
  /** How many may pass at once after a pause; at least 1. @default 1 */
  readonly burst?: number
}

export interface RateGateOptions {
  clock: Clock
  /** Default: none, so that everything passes until the first {@link RateGate.penalize}. */
  quota?: RateQuota | undefined
  /** No hold is longer, whatever a server asks for, in milliseconds. @default 3_600_000 */
  longestHoldMs?: number
}

/**
 * Limits how often something is asked of a server: by its documented quota, exactly, and by what its rejections
 * (HTTP 429) teach. Synchronous and without timers: whoever waits asks {@link nextAt} and comes back then.
 */
export class RateGate {
  readonly #clock: Clock
  readonly #longestHoldMs: number
  #given: RateQuota | undefined
  #quota: ExactBucket | undefined
  #learned: LearnedBucket | undefined
  #heldUntil = 0
  readonly #passed: RateCounter
  readonly #rejected: RateCounter

  /** @throws HotwellError `invalid_configuration` for a quota that lets nothing pass */
  constructor(options: RateGateOptions) {
    const { clock, quota, longestHoldMs = 3_600_000 } = options
    this.#clock = clock
    this.#longestHoldMs = longestHoldMs
    this.#passed = new RateCounter({ clock, slices: 240 })
    this.#rejected = new RateCounter({ clock, slices: 240 })
    this.configure(quota)
  }

  /** Changes the quota. What has passed under a former one still counts. False: it is the same as before. */
  configure(quota: RateQuota | undefined): boolean {
    if (quota === this.#given) return false
    if (quota?.perSecond === this.#given?.perSecond && quota?.burst === this.#given?.burst) return false
    this.#quota = quota && new ExactBucket(checked(quota), this.#clock.monotonic(), this.#quota)
    this.#given = quota
    return true
  }

  /** The instant (monotonic ms) from which the next one may pass; `now` itself if that is now. */
  nextAt(now = this.#clock.monotonic()): number {
    let at = now
    if (this.#heldUntil > at) at = this.#heldUntil
    if (this.#quota) at = Math.max(at, this.#quota.nextAt())
    if (this.#learned) at = Math.max(at, this.#learned.nextAt(now))
    return at
  }

  /** Lets one pass. False: it is too early, and nothing was taken. */
  take(now = this.#clock.monotonic()): boolean {
    if (this.nextAt(now) > now) return false
    this.#quota?.take(now)
    this.#learned?.take(now)
    this.#passed.add()
    return true
  }

  /**
   * The server has rejected one for coming too soon. Nothing passes for `retryAfterMs` (if the server said so), and
   * from now on no more than four fifths of the rate that the server has really accepted, until that has grown back.
   */
  penalize(retryAfterMs = 0): void {
    const now = this.#clock.monotonic()
    this.#rejected.add()
    const askedMs = Number.isNaN(retryAfterMs) ? 0 : retryAfterMs
    const holdMs = Math.min(this.#longestHoldMs, Math.max(0, askedMs))
    this.#heldUntil = Math.max(this.#heldUntil, now + holdMs)
    this.#learned ??= new LearnedBucket(now)
    this.#learned.cut(now, holdMs, this.#acceptedPerSecond())
  }

  /** Until when (monotonic ms) a server's `Retry-After` holds everything back; undefined if it does not. */
  get heldUntil(): number | undefined {
    return this.#heldUntil > this.#clock.monotonic() ? this.#heldUntil : undefined
  }

  /** How many a second may pass now, by quota and by what was learned; `Infinity` without either. */
  get perSecond(): number {
    const learned = this.#learned?.rateAt(this.#clock.monotonic()) ?? Number.POSITIVE_INFINITY
    return Math.min(this.#quota?.perSecond ?? Number.POSITIVE_INFINITY, learned)
  }

  /** Over the spans that a limit may be counted in, the highest: a lull must not pass for a low limit. */
  #acceptedPerSecond(): number {
    const spansMs = [1000, 10_000, 60_000]
    const rates = spansMs.map(span => this.#passed.perSecondOver(span) - this.#rejected.perSecondOver(span))
    return Math.max(...rates)
  }
}

/**
 * A token bucket that counts whole tokens from an instant at which it was full, instead of summing up fractions:
 * no rounding errors pile up, so that the limit holds exactly over days.
 */
class ExactBucket {
  readonly perSecond: number
  readonly #intervalMs: number
  readonly #burst: number
  #fullAt: number
  #taken = 0

  constructor(quota: Required<RateQuota>, now: number, former?: ExactBucket) {
    this.perSecond = quota.perSecond
    this.#intervalMs = (1000 / quota.perSecond) * (1 + guard)
    this.#burst = quota.burst
    this.#fullAt = now
    // A new quota must not hand out a second burst.
    if (former) this.#taken = Math.max(0, Math.min(quota.burst, former.#missingAt(now)))
  }

  nextAt(): number {
    const early = this.#taken + 1 - this.#burst
    return early <= 0 ? Number.NEGATIVE_INFINITY : this.#fullAt + early * this.#intervalMs
  }

  take(now: number): void {
    if (now >= this.#fullAt + this.#taken * this.#intervalMs) {
      this.#fullAt = now
      this.#taken = 0
    }
    this.#taken++
  }

  #missingAt(now: number): number {
    return this.#taken - (now - this.#fullAt) / this.#intervalMs
  }
}

/** Lengthens intervals by more than a double rounds instants, and by less than anybody notices. */
const guard = 1e-6

/**
 * The rate that a server's rejections teach. After a cut it grows as CUBIC does (RFC 9438): fast back to where it was
 * cut, slowly around there, then ever faster. Time is counted in seconds, or in spans of ten passes where those take
 * longer, because a rate cannot be told sooner. Time in which nothing passes teaches nothing and does not count.
 */
class LearnedBucket {
  /** The rate at which the server last rejected. */
  #ceiling = Number.POSITIVE_INFINITY
  #cutAt = Number.NEGATIVE_INFINITY
  #growsFrom = 0
  #usedAt: number
  #level = 0
  #levelAt: number

  constructor(now: number) {
    this.#usedAt = now
    this.#levelAt = now
  }

  /** `accepted`: what the server took per second. Rejections within a second of the first are of the same cut. */
  cut(now: number, holdMs: number, accepted: number): void {
    const again = now - this.#cutAt < 1000
    const former = again ? this.#ceiling : this.rateAt(now)
    if (!again) this.#cutAt = now
    if (accepted > 0) this.#ceiling = Math.max(lowestPerSecond, Math.min(former, accepted))
    else if (!again) this.#ceiling = Math.max(lowestPerSecond, Math.min(former / 2, 1))
    this.#growsFrom = this.#usedAt = this.#levelAt = Math.max(this.#growsFrom, now + holdMs)
    // Once the server's own `Retry-After` is over, the next one is welcome.
    this.#level = holdMs > 0 ? 1 : 0
  }

  rateAt(now: number): number {
    const ceiling = this.#ceiling
    if (ceiling === Number.POSITIVE_INFINITY) return ceiling
    const unitMs = this.#unitMs
    const growth = growthFactor * Math.min(1, ceiling)
    const untilCeiling = Math.cbrt((ceiling * (1 - cutFactor)) / growth)
    const time = Math.max(0, Math.min(now, this.#usedAt + unitMs) - this.#growsFrom) / unitMs
    return growth * (time - untilCeiling) ** 3 + ceiling
  }

  nextAt(now: number): number {
    this.#refill(now)
    return this.#level >= 1 - 1e-9 ? now : this.#levelAt + ((1 - this.#level) * 1000) / this.rateAt(now)
  }

  take(now: number): void {
    this.#refill(now)
    this.#level--
    this.#growsFrom += Math.max(0, now - this.#usedAt - this.#unitMs)
    this.#usedAt = now
  }

  get #unitMs(): number {
    return 1000 * Math.max(1, 10 / this.#ceiling)
  }

  #refill(now: number): void {
    if (now <= this.#levelAt) return
    this.#level = Math.min(learnedBurst, this.#level + ((now - this.#levelAt) / 1000) * this.rateAt(now))
    this.#levelAt = now
  }
}

const learnedBurst = 3
const cutFactor = 0.8
const growthFactor = 0.4
const lowestPerSecond = 0.01

function checked(quota: RateQuota): Required<RateQuota> {
  const { perSecond, burst = 1 } = quota
  for (const [name, value, least] of [
    ['perSecond', perSecond, Number.MIN_VALUE],
    ['burst', burst, 1],
  ] as const) {
    if (!(Number.isFinite(value) && value >= least)) {
      throw new HotwellError(
        'invalid_configuration',
        `The quota's ${name} is ${value}; it has to be ${name === 'burst' ? 'at least 1' : 'a number above 0'}.`,
        { details: { field: `quota.${name}` } },
      )
    }
  }
  return { perSecond, burst: Math.floor(burst) }
}
