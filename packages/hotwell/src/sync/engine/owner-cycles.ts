import { compareIds } from '../model/compare-ids.ts'
import type { DeadLetter } from '../model/rows.ts'
import { runLane, type TargetConnection } from '../target.ts'

interface CycleContext {
  readonly connection: TargetConnection
  readonly patiently: <T>(work: () => Promise<T>) => Promise<T>
  readonly turn: () => Promise<void>
  readonly run: string
}

const chunk = 10_000
/** A longer circle is shown by its beginning. */
const shownIds = 10

/**
 * Tells of owners that go round in a circle, as dead letters in the place of those told before; the elements are copied
 * as they are. Returns how many circles there are.
 */
export async function tellOwnerCycles({ connection, patiently, turn, run }: CycleContext): Promise<number> {
  const owners = new Map<string, string>()
  let after: string | undefined
  for (let isEnd = false; !isEnd; ) {
    await turn()
    const links = await patiently(() => connection.ownerLinks(after, chunk))
    for (const { id, ownerId } of links) if (ownerId !== null) owners.set(id, ownerId)
    after = links.at(-1)?.id
    isEnd = links.length < chunk
  }
  const letters = ownerCycles(owners).map(letterOf)
  await patiently(() => connection.transaction(runLane, transaction => transaction.cycles(run, letters)))
  return letters.length
}

/**
 * The circles that following owners leads into, each from its least id on. Whoever is on one owns another one on it, so
 * only ids that own others need to be given.
 */
export function ownerCycles(owners: ReadonlyMap<string, string>): string[][] {
  const cycles: string[][] = []
  /** Where each walk has come by. */
  const walks = new Map<string, number>()
  let walk = 0
  for (const start of owners.keys()) {
    walk++
    let id: string | undefined = start
    while (id !== undefined && !walks.has(id)) {
      walks.set(id, walk)
      id = owners.get(id)
    }
    if (id !== undefined && walks.get(id) === walk) cycles.push(cycleFrom(id, owners))
  }
  return cycles.sort(([one], [other]) => compareIds(one!, other!))
}

function cycleFrom(start: string, owners: ReadonlyMap<string, string>): string[] {
  const cycle = [start]
  for (let id = owners.get(start)!; id !== start; id = owners.get(id)!) cycle.push(id)
  const least = cycle.reduce((least, id, index) => (compareIds(id, cycle[least]!) < 0 ? index : least), 0)
  return [...cycle.slice(least), ...cycle.slice(0, least)]
}

function letterOf(cycle: readonly string[]): DeadLetter {
  const [first] = cycle
  const shown = cycle.slice(0, shownIds)
  const end = cycle.length > shown.length ? `… (${cycle.length} elements)` : first
  const reason = `Its owners go round in a circle: ${[...shown, end].join(' → ')}. It was copied as it is.`
  return { kind: 'cycle', key: first!, reason }
}
