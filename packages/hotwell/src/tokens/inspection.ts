import type { Clock } from '../core/clock.ts'
import { type CurrentToken, remainingMs } from './current-token.ts'
import type { FailureMemory } from './failure-memory.ts'
import type { Ref } from './ref.ts'
import type { TokenInspection, TokenState } from './token-handle.ts'

/** What is looked at. */
interface Inspected {
  readonly ref: Ref
  readonly current: CurrentToken | undefined
  readonly failures: FailureMemory
  readonly flights: { readonly running: unknown }
}

/** What people and the server see of an entry: never the value. */
export function inspection(entry: Inspected, clock: Clock): TokenInspection {
  const { current, ref } = entry
  const failed = entry.failures.last
  const now = clock.monotonic()
  const left = () => (current ? Math.max(0, remainingMs(current, clock)) : 0)
  const toWall = (at: number) => Math.round(clock.now() + at - now)
  return {
    ref: ref.canonical,
    state: stateOf(entry, left(), now),
    acquiring: entry.flights.running !== undefined,
    expiresAt: current?.record.expiresAt,
    softExpiresAt: current && toWall(current.lifetime.softAt),
    generation: current?.record.generation,
    renewals: current?.record.renewals ?? 0,
    failure: failed && { code: failed.error.code, message: failed.error.message, retryAt: toWall(failed.retryAt) },
    expirySeconds: () => Math.floor(left() / 1000),
    expiresWithin: seconds => left() <= seconds * 1000,
  }
}

/** The state alone. */
export function stateNow(entry: Inspected, clock: Clock): TokenState {
  const { current } = entry
  return stateOf(entry, current ? remainingMs(current, clock) : 0, clock.monotonic())
}

function stateOf({ current, failures }: Inspected, leftMs: number, now: number): TokenState {
  const failed = failures.last
  if (current && leftMs > 0) return now < current.lifetime.softAt ? 'fresh' : 'stale'
  if (failed?.error.code === 'needs_reauth' || failed?.error.code === 'uncertain') return failed.error.code
  if (failed) return 'failed'
  return current ? 'expired' : 'cold'
}
