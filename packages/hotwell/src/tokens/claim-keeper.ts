import type { Clock, ScheduledCall } from '../core/clock.ts'
import type { Claim, TokenStore } from './token-store.ts'

/**
 * How long a claim outlives its holder, in ms. Shorter than a caller's patience; long enough that an event loop that
 * hangs for a second or two loses nothing.
 */
export const claimTtlMs = 5000

/** Extends a claim while its holder lives. A claim that is lost is not fought for: the commit will tell. */
export function keepClaim(store: TokenStore, claim: Claim, clock: Clock): { stop(): void } {
  let next: ScheduledCall | undefined
  let stopped = false
  const arm = () => {
    next = clock.schedule(() => {
      store.extend(claim, claimTtlMs).then(
        held => held && !stopped && arm(),
        // The store is away; the next turn may find it again before the claim lapses.
        () => !stopped && arm(),
      )
    }, claimTtlMs / 3)
  }
  arm()
  return {
    stop() {
      stopped = true
      next?.cancel()
    },
  }
}
