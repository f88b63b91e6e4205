import type { Registry } from '@prometheus-io/client'
import type { Logger, TokenManager } from 'hotwell'
import type { Accounts } from 'hotwell/accounts'
import type { History } from 'hotwell/history'
import type { Access } from './access.ts'
import type { HttpCounters } from './http-counters.ts'
import type { Readiness } from './readiness.ts'

/** What routes work with. The composition root makes it. */
export interface ServerContext {
  readonly tokens: TokenManager
  readonly accounts: Accounts
  /** Undefined where the configuration says `history: false`. */
  readonly history: History | undefined
  readonly access: Access
  readonly readiness: Readiness
  readonly registry: Registry
  readonly counters: HttpCounters
  readonly log: Logger
}
