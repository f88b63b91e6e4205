import { expect, onTestFinished, test } from 'vitest'
import { createSync } from '../../src/sync/create-sync.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { element, ListSource, relation } from './list-source.ts'
import { sqlPlaces } from './sql-places.ts'

const names = ['plant', 'office', 'depot'] as const
const rounds = 6
const places = sqlPlaces()

interface Row {
  readonly origin: string
  readonly what: string
}

for (const [where, place] of places)
  test(`${where}: syncs that write, change and delete in the same tables at the same time touch none of the others’ rows`, async () => {
    const { target, rows } = place()
    const random = new SeededRandom(5)
    const syncs = names.map(name => {
      const source = new ListSource()
      const strategy = { batchSize: 20, deleteGuard: { fraction: 1 } }
      const sync = createSync({ name, source, target: target(), strategy })
      onTestFinished(() => sync.close())
      return { name, source, sync, values: new Map<string, number>() }
    })
    for (let round = 0; round < rounds; round++) {
      for (const { name, source, values } of syncs) {
        for (let n = 0; n < 120; n++) {
          // Ids of one lie between those of the others, so that ranges of deletes go over theirs.
          const id = `unit-${String(n).padStart(3, '0')}-${name}`
          if (random.chance(0.3)) values.delete(id)
          else values.set(id, random.below(3))
        }
        const ids = [...values.keys()].sort()
        const chain = ids.slice(1).map((id, index) => relation(ids[index]!, id))
        source.records = [...ids.map(id => element(id, values.get(id))), ...chain]
      }
      await Promise.all(syncs.map(({ sync }) => sync.run()))
      for (const { name, source, values } of syncs) {
        const elements = await rows<Row>(`select origin, id as what from elements where origin = '${name}' order by 2`)
        expect(elements.map(({ what }) => what)).toEqual([...values.keys()].sort())
        const relations = await rows(`select origin, to_id as what from relations where origin = '${name}'`)
        expect(relations).toHaveLength(source.records.length - values.size)
      }
    }
    const all = await rows<Row>('select origin, id as what from elements')
    expect(all.every(({ origin, what }) => what.endsWith(origin))).toBe(true)
  })
