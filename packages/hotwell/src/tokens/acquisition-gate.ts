import type { Quota } from './provider.ts'

/** Who wants to enter the gate. */
export interface GateRequest {
  readonly provider: string
  readonly kind: string
  readonly subject?: string
  /** Foreground acquisitions (somebody waits) pass preheats. */
  readonly priority: 'foreground' | 'preheat'
  readonly quota?: Quota
  /** Ends the wait; not the slot. */
  readonly signal?: AbortSignal
}

/** The right to ask the provider now. All tiers (global, per site, per account, quota) are taken at once or not at all. */
export interface GateSlot {
  /** Grows with every slot. Releasing an old number does nothing. */
  readonly number: number
  readonly queueWaitMs: number
  /** Aborts with a HotwellError `timeout` when the slot's longest hold is over. */
  readonly signal: AbortSignal
  /** Frees all tiers. Call it when the provider's promise has settled; calling it again does nothing. */
  release(): void
}

export interface GateUsage {
  readonly running: number
  readonly waiting: number
  /** By provider: how many run, how many wait, and until when (monotonic ms) its rate gate is held. */
  readonly providers: Readonly<Record<string, { running: number; waiting: number; heldUntil?: number }>>
  /** Slots freed at their deadline since the start. */
  readonly reclaimed: number
  readonly longestWaitMs: number
}

/** Port: limits acquisitions. First come, first served among those who could run. */
export interface AcquisitionGate {
  /** @throws HotwellError `queue_timeout` after the longest wait, `closed` when closing; the signal's reason on abort. */
  enter(request: GateRequest): Promise<GateSlot>
  /** The provider answered 429: nothing enters for this long, and its learned rate falls. */
  penalize(provider: string, retryAfterMs?: number): void
  usage(): GateUsage
  /** Refuses everybody who waits and everybody who comes. Running slots stay until released. */
  close(): void
}
