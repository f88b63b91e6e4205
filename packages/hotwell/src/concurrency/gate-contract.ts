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
  /** Frees all tiers, when the provider's promise has settled. Again, or after the slot has ended, it does nothing. */
  release(): void
}

export interface GateUsage {
  readonly running: number
  readonly waiting: number
  /** `heldUntil` (monotonic ms): a `Retry-After` holds the provider back until then. */
  readonly providers: Readonly<Record<string, { running: number; waiting: number; heldUntil?: number }>>
  /** Slots freed at their deadline since the start. */
  readonly reclaimed: number
  /** The longest that anybody has waited since the start, in vain or not. */
  readonly longestWaitMs: number
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
   * Changes limits; those left out stay. Lower ones drain: nothing is revoked. A changed
   * longest hold is for slots taken later; a changed longest wait counts for present waiters when the former one is over.
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
