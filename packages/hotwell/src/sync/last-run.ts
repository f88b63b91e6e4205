import { laneState } from './engine/lane.ts'
import { addCounts, type Counts, noCounts, runState } from './engine/sync-state.ts'
import type { Claim } from './target.ts'

/** What is known at the target of a sync's last run, by whichever process. */
export interface LastRun {
  /** `interrupted`: it has not come to its end. The next run goes on with it, if none goes on with it now. */
  readonly state: 'completed' | 'interrupted'
  readonly mode: 'full' | 'incremental'
  /** Of its last reading, as far as it is written; without rows deleted for being absent. */
  readonly counts: Counts
  /** When that reading was begun; wall clock, in milliseconds since 1970. */
  readonly begunAt: number
  /** When the last full reading that was completed was begun; wall clock, in milliseconds since 1970. */
  readonly fullAt?: number
}

/** Undefined where there was none. */
export function lastRun(saved: Claim['saved']): LastRun | undefined {
  const run = runState(saved)
  if (!run) return undefined
  const { phase, mode, begunAt, fullAt } = run
  const lanes = Array.from({ length: run.lanes }, (_, number) => laneState(saved.get(number)))
  return {
    state: phase === 'done' ? 'completed' : 'interrupted',
    mode,
    counts: lanes.reduce((sum, lane) => addCounts(sum, lane?.counts ?? {}), noCounts),
    begunAt,
    ...(fullAt !== undefined && { fullAt }),
  }
}
