import assert from 'node:assert/strict'
import { compareIds } from '../sync/model/compare-ids.ts'
import { type IdRange, type OwnContent, type OwnerLink, runLane } from '../sync/target.ts'
import { apply, element, hashOf, ownEdges, ownIds, type PromiseTest, paged, relation } from './sync-target-scene.ts'

/** In no order that an alphabet or JavaScript's own has: by bytes, emoji come behind full-width letters. */
const ids = [
  'a',
  'Z',
  'B',
  'é',
  'e\u0301',
  '中',
  'ｱ',
  '\u{ff5e}',
  '\u{1f600}',
  '\u{1d4b3}',
  '10',
  '9',
  'ab',
  'A b',
  '_',
  '-a',
]
const sorted = ids.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
/** Beside those that are there. */
const bounds = [...sorted, '0', 'a ', 'z', '\u{e000}', '\u{1f601}', '\u{10ffff}']

/** What is listed, counted and paged, in the order of the ids' bytes. */
export function orderClauses(promise: PromiseTest): void {
  promise('own elements come in the order of their ids’ bytes, in pages', async scene => {
    const connection = await scene.begin()
    assert.deepEqual(await connection.ownElements(undefined, 10), [])
    const elements = ids.map((id, index) => element(id, { value: index }, index % 2 ? { modifiedAt: index } : {}))
    await apply(connection, { elements })
    for (const limit of [1, 3, ids.length, 100]) assert.deepEqual(await ownIds(connection, limit), sorted)
    for (const after of bounds) {
      const behind = sorted.filter(id => compareIds(id, after) > 0)
      const found = await connection.ownElements(after, 4)
      assert.deepEqual(
        found.map(({ id }) => id),
        behind.slice(0, 4),
        `behind ${after}`,
      )
    }
    const all = await connection.ownElements(undefined, 100)
    assert.deepEqual(
      all.map(({ id, type, modifiedAt, hash }) => `${id} ${type} ${modifiedAt} ${hash}`).sort(),
      elements.map(one => `${one.id} ${one.type} ${one.modifiedAt ?? null} ${hashOf(one)}`).sort(),
    )
  })

  promise('own elements come with all that lies there, in the same order, in pages', async scene => {
    const connection = await scene.begin()
    assert.deepEqual(await connection.ownContents(undefined, 10), [])
    const elements = ids.map((id, index) =>
      element(id, { [id]: [index, id] }, index % 2 ? { modifiedAt: index, ownerId: 'B' } : { name: '' }),
    )
    await apply(connection, { elements })
    for (const limit of [1, 3, ids.length, 100]) {
      const found = await paged<OwnContent>((after, most) => connection.ownContents(after?.id, most), limit)
      assert.deepEqual(
        found.map(({ id, type, name, ownerId, attributes, modifiedAt, hash }) => {
          return { id, type, name, ownerId, attributes: JSON.parse(attributes), modifiedAt, hash }
        }),
        elements
          .map(one => ({ ownerId: null, modifiedAt: null, ...one, hash: hashOf(one) }))
          .sort((one, other) => compareIds(one.id, other.id)),
      )
    }
  })

  promise('a range of ids is excluded at its beginning, included at its end, and may be open', async scene => {
    const connection = await scene.begin()
    await apply(connection, { elements: ids.map(id => element(id)) })
    const ranges: IdRange[] = [
      {},
      ...bounds.flatMap(id => [
        { after: id },
        { through: id },
        { after: '\u{ff5e}', through: id },
        { after: id, through: '_' },
      ]),
    ]
    await connection.transaction(runLane, async transaction => {
      for (const range of ranges) {
        const { after, through } = range
        const isIn = (id: string) =>
          (after === undefined || compareIds(id, after) > 0) && (through === undefined || compareIds(id, through) <= 0)
        const expected = sorted.filter(isIn)
        const found = await transaction.ownElementsIn(range)
        assert.deepEqual(
          found.map(({ id, hash }) => `${id} ${hash}`),
          expected.map(id => `${id} ${hashOf(element(id))}`),
          JSON.stringify(range),
        )
        assert.equal(await transaction.countElementsIn(range), expected.length, JSON.stringify(range))
      }
    })
  })

  promise(
    'own relations come in the order of from, type and to, waiting ones among the others, in pages',
    async scene => {
      const connection = await scene.begin()
      const there = sorted.filter((_, index) => index % 3 > 0)
      const relations = ids.flatMap((id, index) => [
        relation(id, ids[(index * 7) % ids.length]!, 'ｱ'),
        relation(id, ids[(index * 5 + 1) % ids.length]!, '\u{1f600}'),
        relation(id, 'a', 'Z'),
        relation(id, 'Z', 'Z'),
      ])
      await apply(connection, { elements: there.map(id => element(id)), relations })
      const waits = ({ from, to }: { from: string; to: string }) => !there.includes(from) || !there.includes(to)
      const expected = relations
        .toSorted(
          (one, other) =>
            compareIds(one.from, other.from) || compareIds(one.type, other.type) || compareIds(one.to, other.to),
        )
        .map(one => `${one.from} ${one.type} ${one.to}${waits(one) ? ' …' : ''}`)
      for (const limit of [1, 5, 1000]) assert.deepEqual(await ownEdges(connection, limit), expected)
    },
  )

  promise(
    'ids that are named as owners come with their own owners, in the order of their bytes, in pages',
    async scene => {
      const connection = await scene.begin()
      assert.deepEqual(await connection.ownerLinks(undefined, 10), [])
      const elements = ids.map((id, index) => element(id, {}, index ? { ownerId: ids[index >> 1] } : {}))
      await apply(connection, { elements: [...elements, element('b', {}, { ownerId: 'not there' })] })
      const owners = new Map(elements.map(({ id, ownerId = null }) => [id, ownerId]))
      const named = [...new Set(['not there', ...elements.flatMap(({ ownerId }) => ownerId ?? [])])].sort(compareIds)
      for (const limit of [1, 3, 100]) {
        const links = await paged<OwnerLink>((after, most) => connection.ownerLinks(after?.id, most), limit)
        assert.deepEqual(
          links.map(({ id, ownerId }) => [id, ownerId]),
          named.map(id => [id, owners.get(id) ?? null]),
        )
      }
    },
  )
}
