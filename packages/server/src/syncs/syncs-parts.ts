import type { Logger, TokenManager } from 'hotwell'
import type { SyncMonitor } from 'hotwell/monitoring'
import type { SyncPlan } from '../workers/sync-plan.ts'
import type { RunBook } from './run-book.ts'
import type { RunRecord } from './run-record.ts'

export interface SyncsParts {
  readonly tokens: TokenManager
  readonly book: RunBook
  readonly log: Logger
  readonly monitor: SyncMonitor
}

/** A sync of the configuration, and how it stands with it. */
export interface SyncFacts {
  readonly plan: SyncPlan
  /** The run that is not over, here or in another server on the same data folder. */
  readonly running?: RunRecord
  /** The latest of all. */
  readonly last?: RunRecord
  /** When it runs next by itself; wall clock, ms. */
  readonly nextAt?: number
}

export interface SyncsEvents {
  /** A run is over, or was left for the next server to go on with. */
  'run.ended': RunRecord
}
