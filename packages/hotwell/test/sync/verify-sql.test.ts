import { expect, onTestFinished, test } from 'vitest'
import { createSync } from '../../src/sync/create-sync.ts'
import { element, ListSource, relation } from './list-source.ts'
import { sqlPlaces } from './sql-places.ts'

/** Each of them is another text when a database has had it. */
const awkward = {
  large: 1e21,
  small: 5e-7,
  negative: -0,
  precise: 0.1 + 0.2,
  beyond: '9007199254740993',
  text: '中\u{1f600}"\\\n\u0001',
  longer: { b: [1, { z: null, a: 1.5 }], a: {} },
  c: [],
}

for (const [where, place] of sqlPlaces())
  test(`${where}: what a run has copied is equal; what others do to its rows is found, each row of it, and put right`, async () => {
    const { target, rows } = place()
    const elements = Array.from({ length: 3000 }, (_, n) =>
      element(`e${n}`, { ...awkward, n }, { ownerId: `o${n % 7}`, modifiedAt: 1_700_000_000_123 + n }),
    )
    const relations = elements.slice(1, 500).map(({ id }) => relation('e0', id))
    const source = new ListSource([...elements, ...relations, relation('e0', 'nowhere')])
    const sync = createSync({ name: 'plant', source, target: target() })
    onTestFinished(() => sync.close())
    await sync.run()
    const equal = { equal: true, missing: 0, extra: 0, different: 0, repaired: 0 }
    const counts = { elements: { source: 3000, target: 3000 }, relations: { source: 500, target: 500 } }
    expect(await sync.verify()).toMatchObject({ ...equal, ...counts })

    await rows(`update elements set name = 'by hand' where id in ('e1', 'e2')`)
    await rows(`update elements set attributes = '{"value": 2}' where id = 'e3'`)
    await rows(`update elements set owner_id = null where id = 'e4'`)
    await rows(`update elements set modified_at = null where id = 'e10'`)
    await rows(`delete from elements where id = 'e5'`)
    await rows(`update elements set id = 'x' where id = 'e6'`)
    await rows(`delete from relations where to_id = 'e7'`)
    await rows(`insert into relations (from_id, type, to_id, origin) values ('e8', 'feeds', 'e9', 'plant')`)
    const found = await sync.verify()
    expect(found.differences.map(({ kind, key, what }) => `${what} ${kind} ${key}`).sort()).toEqual([
      'different element e1',
      'different element e10',
      'different element e2',
      'different element e3',
      'different element e4',
      'extra element x',
      'extra relation e8 feeds e9',
      'missing element e5',
      'missing element e6',
      'missing relation e0 feeds e7',
    ])
    expect(await sync.verify({ repair: true })).toMatchObject({ repaired: 10 })
    expect(await sync.verify()).toMatchObject({ ...equal, ...counts })
    expect(await rows(`select id from elements where name = 'by hand' or owner_id is null or id = 'x'`)).toEqual([])
  })
