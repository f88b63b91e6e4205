import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createSystemClock } from 'hotwell/core'
import { BatchTransaction, type Element, ReadThroughCache } from 'hotwell/sync'
import { sqlite } from 'hotwell/targets/sqlite'
import { interleavedSamples } from '../harness/interleave.ts'
import { plantElement } from '../harness/plant-rows.ts'
import { progress } from '../harness/progress.ts'
import { seededRandom, shuffled } from '../harness/statistics.ts'
import { temporaryFolder } from '../harness/temporary-folder.ts'
import type { Loop } from '../harness/variant.ts'

export const elementCount = 100_000
const rounds = 31
const callsPerPass = 1000

interface Row {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly owner_id: string | null
  readonly attributes: string
  readonly modified_at: number | null
}

/** Nanoseconds a look-up, by what it finds; the elements lie in a file of the SQLite target. */
export async function lookUps(): Promise<Map<string, number[]>> {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'plant.db')
  await fill(path)
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const loops = loopsOn(database)
    for (const [name, loop] of loops) {
      const found = await loop(1)
      if (found !== callsPerPass) throw new Error(`${name} found ${found} elements, not ${callsPerPass}.`)
    }
    return await interleavedSamples(loops, {
      rounds,
      sampleMs: 10,
      callsPerPass,
      onRound: round => round % 10 === 1 && progress(`look-ups, round ${round} of ${rounds}`),
    })
  } finally {
    database.close()
  }
}

function loopsOn(database: DatabaseSync): Map<string, Loop> {
  const columns = 'select id, type, name, owner_id, attributes, modified_at from elements where id'
  const one = database.prepare(`${columns} = ?`)
  const several = database.prepare(`${columns} in (select value from json_each(?))`)
  const load = async (ids: readonly string[]) => {
    const rows = ids.length === 1 ? [one.get(ids[0]!)] : several.all(JSON.stringify(ids))
    return new Map((rows as unknown as Row[]).map(row => [row.id, elementOf(row)]))
  }
  const clock = createSystemClock()
  const ids = shuffled(
    Array.from({ length: elementCount }, (_, number) => plantElement(number).id),
    seededRandom(1),
  )
  const warm = new ReadThroughCache<Element>({ clock, load })
  for (let number = 0; number < elementCount; number++) {
    const element = plantElement(number)
    warm.put(element.id, element)
  }
  const kept = ids.filter(id => warm.get(id) !== undefined).slice(0, callsPerPass)
  // Whoever goes round through ten times as many ids as a cache keeps never meets one that is there.
  const round = () => {
    let at = 0
    return () => ids[(at = (at + 1) % elementCount)]!
  }
  const cold = new ReadThroughCache<Element>({ clock, load })
  const coldMany = new ReadThroughCache<Element>({ clock, load })
  const [next, nextOfMany, nextBare] = [round(), round(), round()]
  return new Map<string, Loop>([
    ['hit: get()', async passes => count(passes, () => kept.reduce((sum, id) => sum + (warm.get(id) ? 1 : 0), 0))],
    [
      'hit: await read()',
      async passes => {
        let found = 0
        for (let pass = 0; pass < passes; pass++) for (const id of kept) if (await warm.read(id)) found++
        return found
      },
    ],
    [
      'miss: await read() of one',
      async passes => {
        let found = 0
        for (let call = passes * callsPerPass; call > 0; call--) if (await cold.read(next())) found++
        return found
      },
    ],
    [
      'miss: await readMany() of 200',
      async passes => {
        let found = 0
        for (let call = passes * callsPerPass; call > 0; call -= 200)
          found += (await coldMany.readMany(Array.from({ length: 200 }, nextOfMany))).size
        return found
      },
    ],
    [
      'no cache: the prepared statement, its row made an element',
      async passes => {
        let found = 0
        for (let call = passes * callsPerPass; call > 0; call--)
          if (elementOf(one.get(nextBare()) as unknown as Row).id) found++
        return found
      },
    ],
  ])
}

function count(passes: number, pass: () => number): number {
  let sum = 0
  for (let number = 0; number < passes; number++) sum += pass()
  return sum
}

async function fill(path: string): Promise<void> {
  const connection = await sqlite(path).connect('plant')
  for (let first = 0; first < elementCount; first += 5000) {
    const transaction = new BatchTransaction(connection)
    for (let number = first; number < first + 5000; number++) transaction.put(plantElement(number))
    await transaction.commit()
  }
  await connection.close()
}

function elementOf({ id, type, name, owner_id, attributes, modified_at }: Row): Element {
  return {
    id,
    type,
    name,
    ...(owner_id !== null && { ownerId: owner_id }),
    attributes: JSON.parse(attributes),
    ...(modified_at !== null && { modifiedAt: modified_at }),
  }
}
