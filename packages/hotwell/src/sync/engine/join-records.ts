import type { DeadLetter } from '../model/rows.ts'
import { runLane } from '../target.ts'
import type { RunContext } from './run-context.ts'
import type { Counts, RunState } from './sync-state.ts'

/**
 * What waited for all records to be there: relations whose ends have come, and, after a full pass, elements whose changes
 * came apart from them. May be repeated at any point. Returns what the counts of the lanes have not.
 */
export async function joinRecords(context: RunContext, { mode, pass }: RunState): Promise<Partial<Counts>> {
  const { connection, patience, turn, told, run, clock } = context
  const counts = { updated: 0, failed: 0 }
  let isFirst = true
  let after: string | undefined
  do {
    await turn()
    const startedAt = clock.monotonic()
    const { updated, refused, through } = await patience.with(() =>
      connection.transaction(runLane, async transaction => {
        if (isFirst) await transaction.promotePending()
        if (mode !== 'full') return { updated: 0, refused: [] as DeadLetter[], through: undefined }
        const written = await transaction.writeSplit(pass, after)
        if (written.refused.length > 0) await transaction.deadLetters(run, written.refused)
        return written
      }),
    )
    isFirst = false
    after = through
    if (updated + refused.length === 0) continue
    const failed = refused.length
    const times = {
      lane: runLane,
      records: 0,
      bytes: 0,
      delayMs: 0,
      writeMs: clock.monotonic() - startedAt,
      attempts: 1,
    }
    told.wrote({ ...times, inserted: 0, updated, unchanged: 0, deleted: 0, failed }, 0)
    counts.updated += updated
    counts.failed += failed
  } while (after !== undefined)
  // When they came they were left as they were.
  return { ...counts, unchanged: -counts.updated - counts.failed }
}
