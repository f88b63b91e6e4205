/**
 * How one attempt at a task ended, seen from the backend that served it. `ok`: it did its work. `overloaded`: it had no
 * room or no time (HTTP 503, a time-out). `rate_limited`: it counts requests and this was one too many (HTTP 429).
 * `failed`: anything else, which says nothing about its capacity.
 */
export type AttemptOutcome = 'ok' | 'rate_limited' | 'overloaded' | 'failed'

/**
 * Learns how many may be in flight at a backend. A state machine without timers: it is told of each beginning and each
 * end, and changes its limit only then. Instants are those of one monotonic clock, in milliseconds.
 */
export interface AdaptiveLimit {
  /** How many may be in flight now: a whole number from 1. */
  readonly limit: number
  /** One more is in flight. */
  begin(): void
  /** One that was begun at `startedAt` has ended at `now`. */
  end(outcome: AttemptOutcome, startedAt: number, now: number): void
}

/** The fixed limit: as many as it was given, whatever happens. */
export function createFixedLimit(limit: number): AdaptiveLimit {
  return { limit, begin() {}, end() {} }
}
