import type { Registry } from '@prometheus-io/client'
import type { Logger, TokenManager, TokenStore } from 'hotwell'
import type { Accounts } from 'hotwell/accounts'
import type { History } from 'hotwell/history'
import type { PerformanceMonitor } from 'hotwell/monitoring'
import type { GateTuning } from '../performance/gate-tuning.ts'
import type { ResourceWatch } from '../performance/resource-watch.ts'
import type { WarmUp } from '../performance/warm-up.ts'
import type { Syncs } from '../syncs/syncs.ts'
import type { Access } from './access.ts'
import type { HttpCounters } from './http-counters.ts'
import type { Readiness } from './readiness.ts'

/** What routes work with. The composition root makes it. */
export interface ServerContext {
  readonly tokens: TokenManager
  readonly accounts: Accounts
  /** Undefined where the configuration says `history: false`. */
  readonly history: History | undefined
  readonly syncs: Syncs
  readonly store: Pick<TokenStore, 'cleanup'>
  readonly monitor: PerformanceMonitor
  readonly tuning: GateTuning
  readonly warmUp: WarmUp
  readonly resources: ResourceWatch
  readonly access: Access
  readonly readiness: Readiness
  readonly registry: Registry
  readonly counters: HttpCounters
  readonly log: Logger
}
