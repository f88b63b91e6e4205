import { BatchBuilder } from '../engine/batch-builder.ts'
import { guardDeletes } from '../engine/delete-absent.ts'
import type { RunContext } from '../engine/run-context.ts'
import { runLane } from '../target.ts'
import type { Sides } from './collect-sides.ts'
import { type Difference, nameOf } from './differences.ts'

const repairedAtOnce = 500

/**
 * Writes what is missing or different, and deletes what is too much, unless one reading does not prove that it is. Returns how
 * many rows were put right.
 * @throws HotwellError `deletes_refused`
 */
export async function repairDifferences(
  context: RunContext,
  sides: Sides,
  differences: readonly Difference[],
  read: number,
): Promise<number> {
  const { connection, patience, turn, source } = context
  const relations = new Map(
    [...sides.relations.values(), ...sides.targetRelations.values()].map(row => [nameOf(row), row]),
  )
  const isProof = source.consistency !== 'none' && !sides.isBlind
  const due = differences.filter(({ what }) => what !== 'extra' || isProof)
  const extra = due.filter(({ what }) => what === 'extra').length
  const { guard, allowDeletes } = context
  const patiently = <T>(work: () => Promise<T>) => patience.with(work)
  if (extra > 0) await guardDeletes({ connection, patiently, read, guard, allowDeletes }, extra)
  let repaired = 0
  for (let at = 0; at < due.length; at += repairedAtOnce) {
    await turn()
    const builder = new BatchBuilder()
    const changed: string[] = []
    for (const { kind, key, what } of due.slice(at, at + repairedAtOnce)) {
      if (what === 'different') changed.push(key)
      if (kind === 'element') {
        if (what === 'extra') builder.deleteElement(key)
        else builder.putElement(sides.elements.get(key)!)
      } else if (what === 'extra') builder.deleteRelation(relations.get(key)!)
      else builder.putRelation(relations.get(key)!)
    }
    const batch = builder.take()
    const applied = await patience.with(() =>
      connection.transaction(runLane, async transaction => {
        // By its hash a row that somebody else has changed is still the one that was written.
        if (changed.length > 0) await transaction.forgetHashes(changed)
        return transaction.apply(batch)
      }),
    )
    repaired += applied.inserted + applied.updated + applied.deleted
  }
  await patience.with(() => connection.transaction(runLane, transaction => transaction.promotePending()))
  return repaired
}
