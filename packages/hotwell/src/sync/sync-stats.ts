import type { Counts } from './engine/sync-state.ts'

export type RunState =
  | 'pending'
  | 'running'
  | 'paused'
  | 'completed'
  | 'failed'
  | 'cancelled'
  /** Its process died; the next run goes on with it. */
  | 'interrupted'

/** What a run has done. An element, an attribute change and a relation each count as one record. */
export interface RunStats {
  readonly run: string
  readonly state: RunState
  readonly mode: 'full' | 'incremental' | 'part'
  /** Read from the source. */
  readonly total: number
  /** Inserted or updated. */
  readonly succeeded: number
  readonly inserted: number
  readonly updated: number
  /** In the dead letters, each with its reason. */
  readonly failed: number
  /** At the target already as they are, or not asked for by the filter. */
  readonly skipped: number
  /** Of the skipped: at the target already. */
  readonly unchanged: number
  readonly deleted: number
  /** Relations one of whose ends was not there when they came. */
  readonly pending: number
  /** Circles of owners that the latest full run found, each with a dead letter; their elements are copied as they are. */
  readonly cycles: number
  readonly durationMs: number
  /** Whether it went on with one that had been interrupted; its records count as well. */
  readonly resumed: boolean
}

export function statsOf(
  counts: Counts,
  facts: Pick<RunStats, 'run' | 'state' | 'mode' | 'durationMs' | 'resumed'> & { cycles?: number },
): RunStats {
  const { cycles = 0, ...others } = facts
  const { read, inserted, updated, unchanged, deleted, failed, filtered, pending } = counts
  const succeeded = inserted + updated
  const skipped = unchanged + filtered
  return { ...others, cycles, total: read, succeeded, inserted, updated, failed, skipped, unchanged, deleted, pending }
}
