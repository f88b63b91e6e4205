import type { RunProgress, RunState, RunStats, SyncPart, Verification } from 'hotwell/sync'
import type { PlainError, SyncWork } from '../workers/messages.ts'

/** What a run was asked to do; also a comparison of source and target is a run. */
export type RunWork = Exclude<SyncWork, { kind: 'dead-letters' }>

/** One run of a sync, as it is remembered. Instants are wall clock, ms. */
export interface RunRecord {
  readonly id: string
  readonly sync: string
  readonly work: RunWork
  readonly trigger: 'request' | 'interval' | 'retry'
  /** The run that this one tries again. */
  readonly retryOf?: string
  readonly state: RunState
  readonly createdAt: number
  readonly startedAt?: number
  readonly finishedAt?: number
  /** So often the server ended under it. */
  readonly interruptions: number
  readonly progress?: RunProgress
  readonly stats?: RunStats
  readonly verification?: Verification
  readonly error?: PlainError
}

export type { RunProgress, RunState, RunStats, SyncPart, Verification }

/** The states that a run does not leave any more. */
export function isOver({ state }: RunRecord): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled'
}
