import type { Registry } from '@prometheus-io/client'
import type { Logger, TokenManager } from 'hotwell'
import type { Access } from './access.ts'
import type { HttpCounters } from './http-counters.ts'
import type { Readiness } from './readiness.ts'

/** What routes work with. The composition root makes it. */
export interface ServerContext {
  readonly tokens: TokenManager
  readonly access: Access
  readonly readiness: Readiness
  readonly registry: Registry
  readonly counters: HttpCounters
  readonly log: Logger
}
