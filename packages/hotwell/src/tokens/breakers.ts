import type { Clock } from '../core/clock.ts'
import { HotwellError } from '../core/errors.ts'

interface OpenBreaker {
  error: HotwellError
  /** Monotonic: before this nobody asks the provider. */
  until: number
  pauseMs: number
  probing: boolean
}

/** What {@link Breakers} tell. */
export interface BreakerListener {
  opened(provider: string, error: HotwellError, retryInMs: number): void
  closed(provider: string): void
}

const firstPauseMs = 30_000
const longestPauseMs = 600_000

/**
 * One breaker per provider. A terminal failure that concerns everything a provider issues (wrong secret, app disabled)
 * opens it; then one probe at a time is let through, after 30 s growing to 10 min, instead of one failing call per
 * tenant. A success or a changed configuration closes it.
 */
export class Breakers {
  readonly #clock: Clock
  readonly #listener: BreakerListener
  readonly #open = new Map<string, OpenBreaker>()

  constructor(clock: Clock, listener: BreakerListener) {
    this.#clock = clock
    this.#listener = listener
  }

  /**
   * Throws the failure that opened the breaker, with the time left, unless an acquisition may pass now. An explicit
   * refresh may whenever no probe runs. What it throws has `details.breaker: 'open'`: no acquisition took place.
   */
  check(provider: string, explicit: boolean): void {
    const open = this.#open.get(provider)
    if (!open) return
    const retryInMs = open.until - this.#clock.monotonic()
    if (!open.probing && (explicit || retryInMs <= 0)) return
    const { code, message, details } = open.error
    throw new HotwellError(code, message, {
      cause: open.error,
      retryable: false,
      retryAfterMs: Math.max(retryInMs, 1000),
      details: { ...details, breaker: 'open' },
    })
  }

  /**
   * Lets an acquisition pass that is about to ask the provider, or throws as {@link check} does. True: it is the probe,
   * and whoever makes it says how it ended: `close`, `trip` or `probeEnded`.
   */
  pass(provider: string, explicit: boolean): boolean {
    this.check(provider, explicit)
    const open = this.#open.get(provider)
    if (open) open.probing = true
    return open !== undefined
  }

  /**
   * A provider-wide terminal failure. Returns for how long the breaker is open now. Failures of acquisitions that were
   * under way when it opened say nothing new.
   */
  trip(provider: string, error: HotwellError, probe: boolean): number {
    const known = this.#open.get(provider)
    const now = this.#clock.monotonic()
    if (known && !probe && (known.probing || known.until > now)) return Math.max(known.until - now, 1000)
    const pauseMs = known ? Math.min(known.pauseMs * 2, longestPauseMs) : firstPauseMs
    this.#open.set(provider, { error, until: now + pauseMs, pauseMs, probing: false })
    this.#listener.opened(provider, error, pauseMs)
    return pauseMs
  }

  /** A success: the provider works again. */
  close(provider: string): void {
    if (this.#open.delete(provider)) this.#listener.closed(provider)
  }

  /** A probe ended without telling anything about the provider (an aborted wait, a network failure). */
  probeEnded(provider: string): void {
    const open = this.#open.get(provider)
    if (!open?.probing) return
    open.probing = false
    open.until = this.#clock.monotonic() + open.pauseMs
  }

  status(): Record<string, { open: true; retryInMs: number; code: string; message: string }> {
    const now = this.#clock.monotonic()
    return Object.fromEntries(
      [...this.#open].map(([provider, { until, error }]) => [
        provider,
        { open: true, retryInMs: Math.max(0, until - now), code: error.code, message: error.message },
      ]),
    )
  }
}
