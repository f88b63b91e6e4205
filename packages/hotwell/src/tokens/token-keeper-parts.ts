import type { Clock } from '../core/clock.ts'
import type { Events } from '../core/events.ts'
import type { Logger } from '../core/logger.ts'
import type { AccountSource } from './account-source.ts'
import type { AcquisitionGate } from './acquisition-gate.ts'
import type { AcquisitionRecorder } from './acquisition-record.ts'
import type { PreheatOptions } from './preheater.ts'
import type { Provider } from './provider.ts'
import type { TokenEvents } from './token-events.ts'
import type { LookupCounters } from './token-handle.ts'
import type { TokenStore } from './token-store.ts'

/** The parts a manager is made of; createTokenManager() makes them from options. */
export interface TokenKeeperParts {
  readonly providers: ReadonlyMap<string, Provider>
  readonly store: TokenStore
  readonly gate: AcquisitionGate
  readonly accounts: AccountSource | undefined
  readonly preheat: PreheatOptions | false
  readonly manifest: readonly string[]
  readonly history: AcquisitionRecorder | undefined
  readonly logger: Logger
  readonly logHits: boolean
  readonly clock: Clock
  readonly namespace: string
  readonly node: string
  readonly events: Events<TokenEvents>
  readonly countersFor: (kind: string) => LookupCounters
  readonly flightTaken: () => void
}
