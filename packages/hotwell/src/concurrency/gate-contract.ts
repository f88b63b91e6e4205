import type { RateQuota } from '../core/rate-gate.ts'
import type { GateLimits } from './gate-limits.ts'

/** Who wants to enter. */
export interface GateRequest {
  readonly provider: string
  /** `account` is limited per account and per site; all other kinds per provider. */
  readonly kind: string
  /** The account, for kind `account`. */
  readonly subject?: string
  /** Foreground requests pass preheats, but none that has waited half of `queueTimeoutSeconds`. */
  readonly priority: 'foreground' | 'preheat'
  /** The provider's documented quota, if it has one; that of the latest request counts. */
  readonly quota?: RateQuota
  /** Ends the wait; not the slot. */
  readonly signal?: AbortSignal
}

/** The right to ask the provider now. */
export interface GateSlot {
  /** Grows with every slot. */
  readonly number: number
  readonly queueWaitMs: number
  /** Aborts with a HotwellError `timeout` when the slot's longest hold is over. */
  readonly signal: AbortSignal
  /** Resolves when nothing is held any more: it was released, or the quarantine after its deadline is over. */
  readonly ended: Promise<void>
  /** Frees all tiers, when the provider's promise has settled. Again, or after the slot has ended, it does nothing. */
  release(): void
}

/** Who has a slot now. */
export interface GateHolder {
  /** Of the slot. */
  readonly number: number
  readonly provider: string
  readonly kind: string
  readonly subject?: string
  readonly heldMs: number
  /** `quarantined`: aborted at its deadline, and its account is kept until it ends or the quarantine is over. */
  readonly state: 'held' | 'quarantined'
}

/** Of the logins, or of all other acquisitions. */
export interface GateSectionUsage {
  readonly running: number
  readonly waiting: number
  /** Slots given since the start. */
  readonly entered: number
  /** Waits that ended with `queue_timeout` since the start. */
  readonly timedOut: number
  /** Over those who entered within the last 15 minutes. */
  readonly meanWaitMs: number
  readonly p95WaitMs: number
  /** By site or provider. */
  readonly sites: Readonly<Record<string, { running: number; waiting: number }>>
}

export interface GateUsage {
  readonly running: number
  readonly waiting: number
  /**
   * `heldUntil` (monotonic ms): a `Retry-After` holds the provider back until then. `perSecond`: its documented rate, or
   * the one that its 429s have taught; absent while there is neither.
   */
  readonly providers: Readonly<
    Record<string, { running: number; waiting: number; heldUntil?: number; perSecond?: number }>
  >
  /** `quarantined`: accounts that an aborted login still holds. */
  readonly accounts: GateSectionUsage & { readonly quarantined: number }
  readonly others: GateSectionUsage
  /** Those in force now. */
  readonly limits: Required<GateLimits>
  /** The longest holder first. */
  readonly holders: readonly GateHolder[]
  /** Slots given since the start. */
  readonly entered: number
  /** Waits that ended with `queue_timeout` since the start. */
  readonly timedOut: number
  /** Slots freed at their deadline since the start: their holders leaked them, or were too slow. */
  readonly reclaimed: number
  /** The longest that anybody has waited since the start, in vain or not. */
  readonly longestWaitMs: number
  /** Over those who entered within the last 15 minutes. */
  readonly meanWaitMs: number
  readonly p95WaitMs: number
}

/** Limits acquisitions: global, per site or provider, per account, and by the provider's quota. */
export interface Gate {
  /**
   * Resolves when all tiers can be taken at once, first come, first served among those who could run.
   * @throws HotwellError `queue_timeout` after the longest wait, naming the tier, its limit and who holds it; `closed`
   * when closing; the signal's reason on abort
   */
  enter(request: GateRequest): Promise<GateSlot>
  /** The provider answered 429: nothing enters for this long, and its learned rate falls. */
  penalize(provider: string, retryAfterMs?: number): void
  usage(): GateUsage
  /**
   * Changes limits; those left out stay. Lower ones drain: nothing is revoked. Higher ones let in at once. A changed
   * longest hold is for slots taken later; a changed longest wait counts for everybody who waits.
   * @throws HotwellError `invalid_configuration`, naming the field; then nothing has changed
   */
  configure(limits: GateLimits): void
  /** Refuses everybody who waits and everybody who comes. Running slots stay until released, or until their deadline. */
  close(): void
}

/** How people know a request: as a ref, without parameters. */
export function requestName(request: GateRequest): string {
  const { provider, kind, subject } = request
  return subject === undefined ? `${provider}/${kind}` : `${provider}/${kind}/${encodeURIComponent(subject)}`
}
