import assert from 'node:assert/strict'
import type { Element } from '../sync/model/record.ts'
import type { ElementRow } from '../sync/model/rows.ts'
import { runLane } from '../sync/target.ts'
import {
  apply,
  type BatchParts,
  batchOf,
  came,
  change,
  element,
  type KnownAbilities,
  ownIds,
  type PromiseTest,
  relation,
} from './sync-target-scene.ts'

/** Elements as they are written, changed and deleted. */
export function elementClauses(promise: PromiseTest, { compares }: KnownAbilities): void {
  promise('every text, number and instant comes back as it went', async scene => {
    const connection = await scene.begin()
    const awkward = [
      'it’s',
      "'; drop table elements; --",
      '"quoted"',
      'a\\b',
      'two\nlines\r\n\t',
      '\u{1f600} ｱ é',
      ' ',
      '%_',
    ]
    const instants = [0, -1, 1_700_000_000_123, 946_684_799_999, 946_684_800_000, -62_135_596_800_000, 2.5e14]
    const attributes = {
      beyond: '9007199254740993',
      exact: Number.MAX_SAFE_INTEGER,
      large: 1e21,
      small: -5e-7,
      yes: true,
      no: false,
      empty: '',
      nothing: {},
      none: [],
      list: [1, null, [2, { deep: '中\u{1f600}"\\\n\u0001' }]],
      '': 'a name without letters',
      'na"me\u{1f600}': { '2': 1, '10': 2, b: null },
    }
    const elements = [
      ...awkward.map(text => element(text, { [text]: text }, { type: text, name: text, ownerId: text })),
      element('all', attributes),
      element('bare', {}, { name: '' }),
      element('long', { text: 'x\u{1f600}'.repeat(20_000) }),
      ...instants.map(at => element(`at ${at}`, {}, { modifiedAt: at })),
    ]
    const relations = awkward.map(text => relation(text, 'all', text))
    came(await apply(connection, { elements, relations }), { inserted: elements.length + relations.length })
    if (compares)
      came(await apply(connection, { elements, relations }), { unchanged: elements.length + relations.length })
    await scene.holds(connection, ...elements, ...relations)
  })

  promise('changes of attributes merge into what is there, and null removes', async scene => {
    const connection = await scene.begin()
    const at = 1_700_000_000_000
    const kept = { large: 1e21, small: 5e-7, beyond: '9007199254740993', text: '中\u{1f600}"\\\n', empty: {} }
    const given = [
      element('a', { ...kept, changed: 1, gone: 1, deep: { one: 1 } }, { modifiedAt: at, ownerId: 'b' }),
      element('b'),
    ]
    await apply(connection, { elements: given })
    const attributes = [
      change('a', { changed: 'it’s 2', gone: null, added: [null], deep: { two: 2 }, never: null }),
      change('b', { value: null }, at + 1),
    ]
    came(await apply(connection, { attributes }), { updated: 2 })
    const merged = { ...kept, changed: 'it’s 2', added: [null], deep: { two: 2 } }
    await scene.holds(
      connection,
      { ...given[0]!, attributes: merged },
      { ...given[1]!, attributes: {}, modifiedAt: at + 1 },
    )
  })

  promise('an element that is deleted goes with its relations, and one that comes back comes alone', async scene => {
    const connection = await scene.begin()
    const elements = ['a', 'b', 'c'].map(id => element(id))
    const relations = [
      relation('a', 'b'),
      relation('b', 'a'),
      relation('b', 'c'),
      relation('c', 'b'),
      relation('c', 'c'),
    ]
    await apply(connection, { elements, relations })
    const [deletedElements, deletedRelations] = [['a'], [relation('c', 'b')]]
    const applied = await apply(connection, { deletedElements, deletedRelations })
    if (compares) came(applied, { deleted: 4 })
    await apply(connection, { elements: [elements[0]!] })
    if (compares) assert.equal(await connection.transaction(runLane, transaction => transaction.promotePending()), 0)
    await scene.holds(connection, ...elements, relation('b', 'c'), relation('c', 'c'))
  })

  if (!compares) return

  promise('a batch that comes again writes nothing, and counts as unchanged', async scene => {
    const connection = await scene.begin()
    const parts: BatchParts = {
      elements: ['a', 'b', 'c', 'd'].map(id => element(id, { value: { b: 1, a: [2] } }, { modifiedAt: 5 })),
      relations: [relation('a', 'b'), relation('b', 'c')],
    }
    came(await apply(connection, parts), { inserted: 6 })
    const written = await scene.subject.watch?.()
    came(await apply(connection, parts), { unchanged: 6 })
    came(await apply(connection, { attributes: [change('a', { value: { a: [2], b: 1 } })] }), { unchanged: 1 })
    if (written) assert.equal(await written(), 0)
    came(await apply(connection, { elements: [element('b', { value: 2 })] }), { updated: 1 })
    if (written) assert.equal(await written(), 1)
  })

  promise('elements whose hashes are forgotten are written, whatever lies there, and no others', async scene => {
    const connection = await scene.begin()
    const elements = ['a', 'b', 'c'].map(id => element(id))
    await apply(connection, { elements })
    const written = await scene.subject.watch?.()
    const applied = await connection.transaction(runLane, async transaction => {
      await transaction.forgetHashes(['b', 'never there'])
      return transaction.apply(batchOf({ elements }))
    })
    came(applied, { updated: 1, unchanged: 2 })
    came(await apply(connection, { elements }), { unchanged: 3 })
    if (written) assert.ok((await written()) <= 2)
    await scene.holds(connection, ...elements)
  })

  promise(
    'batches that are all new, all changed, unchanged or mixed are each counted and written right',
    async scene => {
      const connection = await scene.begin()
      const some = (first: number, count: number, value: number) =>
        Array.from({ length: count }, (_, index) => element(`e${1000 + first + index}`, { value }))
      const expected: [Element[], Parameters<typeof came>[1]][] = [
        [some(0, 20, 1), { inserted: 20 }],
        [some(20, 20, 1), { inserted: 20 }],
        [some(10, 20, 1), { unchanged: 20 }],
        [some(0, 10, 2), { updated: 10 }],
        [some(10, 10, 2), { updated: 10 }],
        [some(20, 10, 2), { updated: 10 }],
        [some(10, 35, 2), { inserted: 5, updated: 10, unchanged: 20 }],
        [some(100, 5, 2), { inserted: 5 }],
        [some(110, 5, 2), { inserted: 5 }],
        [some(120, 5, 2), { inserted: 5 }],
        [some(130, 5, 2), { inserted: 5 }],
        [some(115, 10, 2), { inserted: 5, unchanged: 5 }],
        [some(0, 5, 2), { unchanged: 5 }],
        [some(5, 5, 2), { unchanged: 5 }],
        [some(10, 5, 2), { unchanged: 5 }],
        [some(15, 5, 2), { unchanged: 5 }],
        [some(25, 5, 3), { updated: 5 }],
      ]
      const there = new Map<string, Element>()
      for (const [elements, counts] of expected) {
        came(await apply(connection, { elements }), counts)
        for (const one of elements) there.set(one.id, one)
      }
      await scene.holds(connection, ...there.values())
    },
  )

  promise('each part of a batch is counted for itself', async scene => {
    const connection = await scene.begin()
    const elements = ['a', 'b', 'c', 'd'].map(id => element(id))
    await apply(connection, { elements, relations: [relation('a', 'b'), relation('b', 'c'), relation('c', 'd')] })
    const mixed: BatchParts = {
      elements: [elements[0]!, element('b', { value: 2 }), element('e')],
      attributes: [change('c', { more: 1 }), change('unknown', { more: 1 })],
      deletedElements: ['d', 'never there'],
      relations: [relation('a', 'b'), relation('a', 'e'), relation('a', 'd')],
      deletedRelations: [relation('b', 'c'), relation('never', 'there')],
    }
    const counts = { inserted: 3, updated: 2, unchanged: 2, deleted: 3, pending: 1 }
    came(await apply(connection, mixed), { ...counts, refused: ['attributes unknown'] })
    const merged = element('c', { value: 1, more: 1 })
    await scene.holds(connection, ...mixed.elements!, merged, relation('a', 'b'), relation('a', 'e'))
    assert.equal(await connection.countOwn(), 7)
    came(await apply(connection, {}), {})
  })

  promise('changes of an element that is not there are refused; the rest of the batch is written', async scene => {
    const connection = await scene.begin()
    await apply(connection, { elements: [element('a')] })
    const attributes = [change('x', { value: 2 }), change('a', { value: 2 }), change('it’s', {})]
    const parts = { elements: [element('b')], attributes }
    came(await apply(connection, parts), { inserted: 1, updated: 1, refused: ['attributes x', 'attributes it’s'] })
    await scene.holds(connection, element('a', { value: 2 }), element('b'))
  })

  splitClauses(promise)
}

/** `spoil`: makes of a row one that cannot be taken. */
export function refusalClause(promise: PromiseTest, spoil: (row: ElementRow) => ElementRow): void {
  promise('a record that it refuses for what it is takes no other one with it', async scene => {
    const connection = await scene.begin()
    for (const value of [1, 2]) {
      const ids = Array.from({ length: 45 }, (_, index) => `e${100 + index}`)
      const elements = ids.map(id => element(id, { value }))
      const batch = batchOf({ elements, relations: [relation('e100', 'e101')] })
      const spoilt = ['e100', 'e117', 'e144']
      const rows = batch.elements.map(row => (spoilt.includes(row.id) ? spoil(row) : row))
      const applied = await connection.transaction(0, async transaction => {
        const result = await transaction.apply({ ...batch, elements: rows })
        await transaction.save(0, String(value))
        return result
      })
      const counts = value === 1 ? { inserted: 43, pending: 1 } : { updated: 42, unchanged: 1 }
      const { pending, ...others } = applied
      came({ ...others, pending: 0 }, { ...counts, pending: 0, refused: spoilt.map(id => `element ${id}`) })
      if (value === 1) assert.equal(pending, 1)
      await scene.holds(connection, ...elements.filter(({ id }) => !spoilt.includes(id)))
      assert.equal(await connection.transaction(0, async (_, saved) => saved), String(value))
    }
  })
}

function splitClauses(promise: PromiseTest): void {
  promise('an element whose changes come apart from it is left as it is until the end of a full pass', async scene => {
    const connection = await scene.begin()
    const [plain, other] = [element('a', { value: 1 }), element('b', { value: 1 })]
    const apart = (more: number) => ({ attributes: [change('a', { more })] })
    const pass = async (fullPass: number, ...batches: [BatchParts, Parameters<typeof came>[1]][]) => {
      for (const [parts, counts] of batches) came(await apply(connection, parts, { fullPass }), counts)
      let updated = 0
      for (let after: string | undefined, isEnd = false; !isEnd; isEnd = after === undefined) {
        const written = await connection.transaction(runLane, work => work.writeSplit(fullPass, after))
        assert.deepEqual(written.refused, [])
        updated += written.updated
        after = written.through
      }
      return updated
    }
    const both = { elements: [plain, other] }
    assert.equal(await pass(1, [both, { inserted: 2 }], [apart(1), { updated: 1 }]), 0)
    await scene.holds(connection, element('a', { value: 1, more: 1 }), other)
    const written = await scene.subject.watch?.()
    assert.equal(await pass(2, [both, { unchanged: 2 }], [apart(1), { unchanged: 1 }]), 0)
    if (written) assert.equal(await written(), 0)
    assert.equal(await pass(3, [both, { unchanged: 2 }], [apart(2), { unchanged: 1 }]), 1)
    await scene.holds(connection, element('a', { value: 1, more: 2 }), other)
    const newer = element('a', { value: 2 })
    came(await apply(connection, { elements: [newer] }, { fullPass: undefined }), { updated: 1 })
    await scene.holds(connection, element('a', { value: 2, more: 2 }), other)
    assert.equal(await pass(4, [{ elements: [newer, other] }, { unchanged: 2 }]), 1)
    await scene.holds(connection, newer, other)
    assert.deepEqual(await ownIds(connection), ['a', 'b'])
  })

  promise('an element that was deleted is not known to be split any more', async scene => {
    const connection = await scene.begin()
    await apply(connection, { elements: [element('a')] }, { fullPass: 1 })
    await apply(connection, { attributes: [change('a', { more: 1 })] }, { fullPass: 1 })
    came(await apply(connection, { deletedElements: ['a'] }, { fullPass: undefined }), { deleted: 1 })
    came(await apply(connection, { elements: [element('a')] }, { fullPass: undefined }), { inserted: 1 })
    came(await apply(connection, { elements: [element('a', { value: 2 })] }, { fullPass: 2 }), { updated: 1 })
    await scene.holds(connection, element('a', { value: 2 }))
  })
}
