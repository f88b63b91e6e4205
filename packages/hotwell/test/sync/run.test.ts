import { expect, test } from 'vitest'
import { createSync, type SyncOptions } from '../../src/sync/create-sync.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { InstantClock } from '../../src/testing/instant-clock.ts'
import { element, elementsIn, ListSource, relation, relationsIn } from './list-source.ts'
import { many, scene, statsOf } from './run-scene.ts'

test('a run copies elements, attribute changes and relations, and says what it did', async () => {
  const change = { element: 'a', attributes: { value: 7, gone: null } }
  const { sync, target } = scene([element('a'), element('b'), change, relation('a', 'b'), relation('a', 'nowhere')])
  const stats = await sync.run()
  expect(stats).toMatchObject({ state: 'completed', mode: 'full', total: 5, failed: 0, deleted: 0, pending: 1 })
  expect(elementsIn(target)).toEqual(['a=7', 'b=1'])
  expect(relationsIn(target)).toEqual(['a→b'])
  expect(relationsIn(target, 'pending')).toEqual(['a→nowhere'])
})

test('the second time nothing is written', async () => {
  const { sync, target } = scene([...many(20), relation('e1000', 'e1001')])
  await sync.run()
  expect(await sync.run()).toMatchObject({ total: 21, succeeded: 0, skipped: 21, unchanged: 21 })
  expect(Math.max(...[...target.tables.elements.values()].map(({ writes }) => writes))).toBe(1)
})

test('what changed is updated, what came is inserted, what went is deleted', async () => {
  const { sync, source, target } = scene([
    element('a'),
    element('b'),
    element('c'),
    relation('a', 'b'),
    relation('b', 'c'),
  ])
  await sync.run()
  source.records = [element('b', 2), element('d'), element('c'), relation('b', 'c')]
  expect(await sync.run()).toMatchObject({ inserted: 1, updated: 1, unchanged: 2, deleted: 2 })
  expect(elementsIn(target)).toEqual(['b=2', 'c=1', 'd=1'])
  expect(relationsIn(target)).toEqual(['b→c'])
})

test('an element and a relation that the source calls deleted go, and nothing else', async () => {
  const { sync, source, target } = scene([element('a'), element('b'), relation('a', 'b'), relation('b', 'a')], {
    strategy: { deletes: false },
  })
  await sync.run()
  source.records = [{ id: 'a', deleted: true }]
  expect(await sync.run()).toMatchObject({ deleted: 3 })
  expect(elementsIn(target)).toEqual(['b=1'])
  source.records = [element('a'), relation('a', 'b'), relation('b', 'a'), { ...relation('a', 'b'), deleted: true }]
  await sync.run()
  expect(relationsIn(target)).toEqual(['b→a'])
})

test('a relation that came before its ends is there at the end', async () => {
  const { sync, target } = scene([relation('a', 'b'), element('b'), element('a')], { strategy: { batchSize: 1 } })
  expect(await sync.run()).toMatchObject({ pending: 1 })
  expect(relationsIn(target)).toEqual(['a→b'])
  expect(relationsIn(target, 'pending')).toEqual([])
})

test('when an element goes, the relations that the source still has wait for it', async () => {
  const { sync, source, target } = scene([element('a'), element('b'), relation('a', 'b')])
  await sync.run()
  source.records = [element('a'), relation('a', 'b')]
  await sync.run()
  expect(relationsIn(target)).toEqual([])
  expect(relationsIn(target, 'pending')).toEqual(['a→b'])
  source.records = [element('a'), relation('a', 'b'), element('b')]
  await sync.run()
  expect(relationsIn(target)).toEqual(['a→b'])
})

test('of several records for one id the last one wins, in one batch and in several', async () => {
  for (const batchSize of [1, 100]) {
    const { sync, target } = scene([element('a', 1), element('b'), element('a', 2), element('a', 3)], {
      strategy: { batchSize },
    })
    await sync.run()
    expect(elementsIn(target)).toEqual(['a=3', 'b=1'])
  }
})

test('more deletes than are believed are refused, and nothing is deleted; allowed, they are', async () => {
  const { sync, source, target } = scene(many(300))
  await sync.run()
  source.records = source.records.slice(0, 150)
  const error = await sync.run().catch(error => error)
  expect(error).toMatchObject({ code: 'deletes_refused', message: expect.stringContaining('lacks 150 of the 300') })
  expect(statsOf(error)).toMatchObject({ state: 'failed', total: 150 })
  expect(target.tables.elements.size).toBe(300)
  expect(await sync.run({ allowDeletes: true })).toMatchObject({ deleted: 150 })
  expect(target.tables.elements.size).toBe(150)
})

test('a source that returns nothing deletes nothing, however little there is', async () => {
  const { sync, source, target } = scene([element('a')])
  await sync.run()
  source.records = []
  await expect(sync.run()).rejects.toMatchObject({
    code: 'deletes_refused',
    message: expect.stringContaining('nothing'),
  })
  expect(elementsIn(target)).toEqual(['a=1'])
})

test('while a record has no readable id nothing is deleted', async () => {
  const { sync, source, target } = scene([element('a'), element('b')])
  await sync.run()
  source.records = [element('a'), { type: 'pump', name: 'who is this?' }]
  expect(await sync.run()).toMatchObject({ failed: 1, deleted: 0 })
  source.records = [element('a')]
  source.unreadable = [{ place: 'line 2', reason: 'It is no JSON.' }]
  expect(await sync.run()).toMatchObject({ failed: 1, deleted: 0 })
  source.unreadable = undefined
  expect(await sync.run()).toMatchObject({ failed: 0, deleted: 1 })
  expect(elementsIn(target)).toEqual(['a=1'])
})

test('a record at fault is kept with the reason, the others are written, and its row is not deleted', async () => {
  const { sync, source, target } = scene([element('a'), element('b')])
  await sync.run()
  source.records = [
    element('a', 2),
    { ...element('b'), name: 7 },
    { id: '' },
    element('c'),
    { element: 'd', attributes: {} },
  ]
  expect(await sync.run()).toMatchObject({ inserted: 1, updated: 1, failed: 3, deleted: 0 })
  expect(elementsIn(target)).toEqual(['a=2', 'b=1', 'c=1'])
  expect([...target.tables.letters.values()].map(({ kind, key, reason }) => [kind, key, reason])).toEqual([
    ['element', 'b', 'Its name is a number; it has to be a text.'],
    ['element', expect.stringMatching(/^\(no id\) .{8}$/), 'Its id is empty.'],
    ['attributes', 'd', 'There is no such element of this sync.'],
  ])
})

test('where a reading may miss what is there, it goes when two in a row have missed it', async () => {
  const { sync, source, target } = scene([element('a'), element('b')])
  source.consistency = 'none'
  await sync.run()
  source.records = [element('a')]
  expect(await sync.run()).toMatchObject({ deleted: 0 })
  source.records = [element('a'), element('b')]
  await sync.run()
  source.records = [element('a')]
  expect(await sync.run(), 'it was there in between').toMatchObject({ deleted: 0 })
  expect(await sync.run()).toMatchObject({ deleted: 1 })
  expect(elementsIn(target)).toEqual(['a=1'])
})

test('or when the source says at once that it is gone', async () => {
  const { sync, source, target } = scene([element('a'), element('b'), element('c')])
  source.consistency = 'none'
  await sync.run()
  source.records = [element('a')]
  source.get = async ids => [element('b')].filter(({ id }) => ids.includes(id))
  expect(await sync.run()).toMatchObject({ deleted: 1 })
  expect(elementsIn(target)).toEqual(['a=1', 'b=1'])
})

test('a filter takes what it says, and what it does not take is not deleted', async () => {
  const { open, target, source } = scene([element('a'), element('b', 1, { type: 'valve' }), element('c')])
  await open().run()
  source.records = [element('a', 2)]
  const narrow = open({ filter: { types: ['pump'] } })
  expect(await narrow.run({ allowDeletes: true })).toMatchObject({ updated: 1, deleted: 1 })
  expect(elementsIn(target)).toEqual(['a=2', 'b=1'])
  const some = scene([element('a', 1, { attributes: { value: 1, secret: 2 } })], {
    filter: { attributesExcept: ['secret'] },
  })
  await some.sync.run()
  expect(some.target.tables.elements.get('a')!.attributes).toBe('{"value":1}')
})

test('a mapping changes records on their way, leaves some out, and one that throws costs that record alone', async () => {
  const map: SyncOptions['map'] = record => {
    if (!('id' in record)) return record
    if (record.id === 'b') return undefined
    if (record.id === 'c') throw new Error('no idea')
    return { ...record, id: `plant:${record.id}` }
  }
  const { sync, target } = scene([element('a'), element('b'), element('c')], { map })
  expect(await sync.run()).toMatchObject({ inserted: 1, skipped: 1, failed: 1 })
  expect(elementsIn(target)).toEqual(['plant:a=1'])
})

test('two syncs share tables, and neither touches the other’s rows', async () => {
  const one = scene([element('a'), element('b'), relation('a', 'b')])
  const other = new ListSource([element('b', 99), element('c'), relation('c', 'a')])
  await one.sync.run()
  const second = createSync({ name: 'other', source: other, target: one.target, clock: new InstantClock() })
  expect(await second.run()).toMatchObject({ inserted: 2, failed: 1 })
  expect(elementsIn(one.target)).toEqual(['a=1', 'b=1', 'c=1'])
  one.source.records = [element('b')]
  expect(await one.sync.run()).toMatchObject({ deleted: 2 })
  expect(elementsIn(one.target)).toEqual(['b=1', 'c=1'])
  expect(relationsIn(one.target, 'pending'), 'the other’s relation waits').toEqual(['c→a'])
})

test('a record that is nested without end is a dead letter', async () => {
  let nested: unknown = 1
  for (let level = 0; level < 20_000; level++) nested = { nested }
  const { sync, target } = scene([element('a'), element('deep', nested), element('b')])
  expect(await sync.run()).toMatchObject({ inserted: 2, failed: 1 })
  expect([...target.tables.letters.values()][0]).toMatchObject({
    key: 'deep',
    reason: expect.stringContaining('nested'),
  })
})

test('progress tells the share, the rate and the time that is left', async () => {
  const clock = new FakeClock()
  const { source, target } = scene(many(40))
  const sync = createSync({ name: 'plant', source, target, clock })
  source.beforePage = () => clock.freeze(1000)
  const shares: (number | undefined)[] = []
  let last: { perSecond: number; secondsLeft?: number } | undefined
  await sync.run({
    onProgress: progress => {
      shares.push(progress.share)
      if (progress.share === 0.5) last = progress
    },
  })
  expect(shares.at(-1)).toBe(1)
  expect(last!.perSecond).toBeCloseTo(4, 0)
  expect(last!.secondsLeft).toBeGreaterThan(3)
  expect(last!.secondsLeft).toBeLessThan(8)
})
