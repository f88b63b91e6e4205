import type { Clock } from '../core/clock.ts'
import type { Events } from '../core/events.ts'
import type { AccountSource } from './account-source.ts'
import type { AcquisitionGate } from './acquisition-gate.ts'
import type { Breakers } from './breakers.ts'
import type { Ref } from './ref.ts'
import type { ReplyAges } from './reply-age.ts'
import type { StoreAccess } from './store-access.ts'
import type { TokenEvents } from './token-events.ts'

/** What all acquisitions of a manager share. */
export interface AcquirerContext {
  readonly clock: Clock
  readonly store: StoreAccess
  readonly gate: AcquisitionGate
  /** Where logins get their accounts from. */
  readonly accounts: AccountSource | undefined
  readonly breakers: Breakers
  readonly replyAges: ReplyAges
  readonly events: Events<TokenEvents>
  readonly node: string
  /** Aborts when the manager has waited long enough for its flights to end. */
  readonly closing: AbortSignal
  /** Gets the token that another one depends on. */
  readonly resolve: (ref: string, dependent: Ref) => Promise<{ ref: Ref; value: string }>
}
