import { expect, test } from 'vitest'
import { createSync, type SyncOptions } from '../../src/sync/create-sync.ts'
import { InstantClock } from '../../src/testing/instant-clock.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import { element, elementsIn, ListSource, relation, relationsIn } from './list-source.ts'

const count = 300

/** Many elements and relations that have been copied, with what copies them. */
async function copied(options: Partial<SyncOptions> = {}) {
  const elements = Array.from({ length: count }, (_, n) => element(`e${String(n).padStart(3, '0')}`))
  const relations = elements.slice(1).map(({ id }) => relation('e000', id))
  const source = new ListSource([...elements, ...relations])
  const target = new MemoryTarget()
  const sync = createSync({ name: 'plant', source, target, clock: new InstantClock(), ...options })
  await sync.run()
  const replace = (at: number, record: unknown) => source.records.splice(at, 1, record)
  const has = (id: string) => elementsIn(target).includes(`${id}=1`)
  return { source, target, sync, replace, has }
}

for (const [what, faulty] of [
  ['a name that is no text', { id: 'e007', type: 'pump', name: 7 }],
  ['empty fields of a relation beside its id', { id: 'e007', from: null, to: null, name: 7 }],
  ['an empty field of an attribute change beside its id', { id: 'e007', element: null, name: 7 }],
  ['a value that JSON has no form for', element('e007', 7n)],
] as const)
  test(`an element that comes with ${what} stays as it was, and others go`, async () => {
    const { sync, source, replace, has } = await copied()
    replace(7, faulty)
    source.records = source.records.filter(record => (record as { id?: string }).id !== 'e009')
    const stats = await sync.run()
    expect(stats).toMatchObject({ failed: 1, deleted: 1 })
    expect([has('e007'), has('e009')]).toEqual([true, false])
    const [letter] = await sync.deadLetters()
    expect(letter).toMatchObject({ kind: 'element', key: 'e007' })
  })

test('a relation that comes in a form that nobody can take stays as it was, and others go', async () => {
  const { sync, source, target, replace } = await copied()
  replace(count, { ...relation('e000', 'e001'), deleted: 'no' })
  source.records.splice(count + 1, 1)
  expect(await sync.run()).toMatchObject({ failed: 1, deleted: 1 })
  const kept = relationsIn(target)
  expect([kept.includes('e000→e001'), kept.includes('e000→e002'), kept.length]).toEqual([true, false, count - 2])
})

test('where a mapping makes the ids, nothing is deleted beside a record that it fails on', async () => {
  let fails = false
  const { sync, source, target } = await copied({
    mapVersion: '1',
    map: record => {
      if (!('id' in record)) return record
      if (fails && record.id === 'e007') throw new Error('no such unit')
      return { ...record, id: `plant/${record.id}` }
    },
  })
  expect(target.tables.elements.has('plant/e007')).toBe(true)
  fails = true
  source.records.splice(9, 1)
  expect(await sync.run()).toMatchObject({ failed: 1, deleted: 0 })
  expect(target.tables.elements.size).toBe(count)
  fails = false
  expect(await sync.run()).toMatchObject({ failed: 0, deleted: expect.any(Number) })
  expect(target.tables.elements.size).toBe(count - 1)
})

test('changes of elements that a filter of types leaves out are left out with them', async () => {
  const { sync, source } = await copied({ filter: { types: ['pump'] } })
  source.records.push({ element: 'a-valve', attributes: { value: 2 } }, { element: 'e001', attributes: { value: 2 } })
  expect(await sync.run()).toMatchObject({ failed: 0, updated: 1 })
  expect(await sync.deadLetters()).toEqual([])
})

test('control: without such a filter they are told', async () => {
  const { sync, source } = await copied()
  source.records.push({ element: 'a-valve', attributes: { value: 2 } })
  expect(await sync.run()).toMatchObject({ failed: 1 })
})

test('a comparison finds nothing to delete in what comes in a form that nobody can take', async () => {
  const { sync, replace, has, target } = await copied()
  replace(7, { id: 'e007', type: 'pump', name: 7 })
  replace(count, { ...relation('e000', 'e001'), deleted: 'no' })
  expect(await sync.verify({ repair: true })).toMatchObject({ equal: true, extra: 0, unusable: 2, repaired: 0 })
  expect([has('e007'), relationsIn(target).length]).toEqual([true, count - 1])
})

test('a comparison deletes nothing while something of the source may be any row', async () => {
  const { sync, source, has } = await copied()
  source.records.splice(7, 1)
  source.unreadable = [{ place: 'line 7', reason: 'It is no JSON.', text: '{' }]
  expect(await sync.verify({ repair: true })).toMatchObject({ equal: false, extra: 1, unusable: 1, repaired: 0 })
  expect(has('e007')).toBe(true)
  source.unreadable = undefined
  expect(await sync.verify({ repair: true })).toMatchObject({ extra: 1 })
  expect(has('e007')).toBe(false)
})

test('a comparison leaves alone what a range of ids leaves out, as a run does', async () => {
  const { target } = await copied()
  const source = new ListSource(Array.from({ length: 100 }, (_, n) => element(`e${String(n + 100)}`)))
  const filter = { fromId: 'e100', toId: 'e200' }
  const sync = createSync({ name: 'plant', source, target, filter, clock: new InstantClock() })
  expect(await sync.verify({ repair: true })).toMatchObject({ equal: true, extra: 0, repaired: 0 })
  expect([target.tables.elements.size, relationsIn(target).length]).toEqual([count, count - 1])
})

test('a strategy that does not continue on errors ends the run at the first record that cannot be taken', async () => {
  const { sync, source, target } = await copied({ strategy: { continueOnError: false, batchSize: 100 } })
  source.records.push({ id: 'faulty', name: 7 }, element('new'))
  const refused = { code: 'source_failed', message: expect.stringMatching(/element faulty cannot be taken: Its name/) }
  await expect(sync.run()).rejects.toMatchObject(refused)
  expect([target.tables.elements.has('new'), (await sync.deadLetters()).length]).toEqual([false, 0])
  await expect(sync.run({ part: { elements: ['e001', 'faulty'] } })).rejects.toMatchObject(refused)
  source.records.splice(-2, 1)
  expect(await sync.run()).toMatchObject({ inserted: 1, failed: 0 })
})
