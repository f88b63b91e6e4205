import type { Clock } from '../core/clock.ts'
import { freshUntil, type Lifetime, lifetimeOf, softUntil } from './lifetime.ts'
import type { Served, TokenDetails } from './token-handle.ts'
import type { TokenRecord } from './token-store.ts'

/** The token that is there, with its instants and the promises that all callers share. */
export interface CurrentToken {
  readonly record: TokenRecord
  readonly lifetime: Lifetime
  readonly details: TokenDetails
  readonly valuePromise: Promise<string>
  readonly detailsPromise: Promise<TokenDetails>
}

/** A token as it is served from now on. `sentAt` (monotonic) is known for one that this process acquired itself. */
export function currentToken(
  record: TokenRecord,
  facts: { ref: string; from: TokenDetails['from']; clock: Clock; marginMs: number; sentAt?: number },
): CurrentToken {
  const { ref, from, clock, marginMs, sentAt } = facts
  const { value, tokenType, scope, expiresAt, generation } = record
  const details = Object.freeze({ value, tokenType, scope, ref, expiresAt, generation, from })
  return {
    record,
    lifetime: lifetimeOf(record, clock, marginMs, sentAt),
    details,
    valuePromise: Promise.resolve(value),
    detailsPromise: Promise.resolve(details),
  }
}

/** How long it lives, in ms: it is dead when either clock says so. */
export function remainingMs({ lifetime }: CurrentToken, clock: Clock): number {
  return Math.min(lifetime.hardAt - clock.monotonic(), lifetime.expiresAt - clock.now())
}

/** The same token with its instants worked out again, after the clocks or the margins have changed. */
export function reconsidered(current: CurrentToken, clock: Clock, marginMs: number): CurrentToken {
  const { hardAt, expiresAt, postponedTo } = current.lifetime
  const endsAt = clock.monotonic() + remainingMs(current, clock)
  const softAt = Math.max(endsAt - marginMs, postponedTo ?? Number.NEGATIVE_INFINITY)
  const lifetime = {
    softAt,
    hardAt,
    expiresAt,
    marginMs,
    freshUntil: freshUntil(softAt, endsAt, marginMs),
    postponedTo,
  }
  return { ...current, lifetime }
}

/** The same token, which its provider has just returned again: it is not soft before `postponedTo` (monotonic). */
export function postponed(current: CurrentToken, postponedTo: number): CurrentToken {
  const { hardAt, marginMs } = current.lifetime
  const fresh = freshUntil(postponedTo, hardAt, marginMs)
  return { ...current, lifetime: { ...current.lifetime, softAt: postponedTo, freshUntil: fresh, postponedTo } }
}

/**
 * What the fast path of the handle gets. `until` (monotonic): how long it may serve by itself; by default as long as the
 * token is not soft.
 */
export function servedBy(
  { record, lifetime, valuePromise, detailsPromise }: CurrentToken,
  clock: Clock,
  until = lifetime.freshUntil,
): Served {
  const { expiresAt, marginMs } = lifetime
  const endsByWall = clock.monotonic() + expiresAt - clock.now()
  const tick = clock.tickOf(Math.min(until, softUntil(endsByWall, marginMs)))
  return { value: record.value, promise: valuePromise, details: detailsPromise, freshUntil: tick }
}
