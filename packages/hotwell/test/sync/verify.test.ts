import { expect, test } from 'vitest'
import { createSync } from '../../src/sync/create-sync.ts'
import { InstantClock } from '../../src/testing/instant-clock.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import { element, elementsIn, ListSource, relation, relationsIn } from './list-source.ts'

async function copied(count = 2000) {
  const source = new ListSource(Array.from({ length: count }, (_, n) => element(`e${n}`)))
  source.records.push({ element: 'e7', attributes: { value: 8 } }, relation('e0', 'e1'), relation('e1', 'e2'))
  const target = new MemoryTarget({ batch: 500 })
  const sync = createSync({ name: 'plant', source, target, clock: new InstantClock() })
  await sync.run()
  return { source, target, sync, ...target.tables }
}

test('what a run has copied is equal', async () => {
  const { sync } = await copied()
  expect(await sync.verify()).toEqual({
    equal: true,
    elements: { source: 2000, target: 2000 },
    relations: { source: 2, target: 2 },
    missing: 0,
    extra: 0,
    different: 0,
    differences: [],
    unusable: 0,
    repaired: 0,
  })
})

test('each difference is listed, and nothing is changed', async () => {
  const { sync, elements, relations, target } = await copied()
  const before = elements.get('e5')!
  elements.set('e5', { ...before, attributes: '{"value":0}', hash: 'another' })
  elements.delete('e6')
  elements.set('x', { ...before, id: 'x' })
  relations.delete([...relations.keys()][0]!)
  const found = await sync.verify({ listed: 3 })
  expect(found).toMatchObject({ equal: false, missing: 2, extra: 1, different: 1, repaired: 0 })
  expect(found.differences).toEqual([
    { kind: 'element', key: 'e5', what: 'different' },
    { kind: 'element', key: 'e6', what: 'missing' },
    { kind: 'element', key: 'x', what: 'extra' },
  ])
  expect((await sync.verify()).differences.at(-1)).toEqual({ kind: 'relation', key: 'e0 feeds e1', what: 'missing' })
  expect(elementsIn(target)).toContain('x=1')
})

test('a repair puts right what differs, and only that', async () => {
  const { sync, elements, relations, target, source } = await copied()
  const before = elements.get('e5')!
  elements.set('e5', { ...before, attributes: '{"value":0}', hash: 'another' })
  elements.delete('e6')
  elements.set('x', { ...before, id: 'x' })
  relations.clear()
  expect(await sync.verify({ repair: true })).toMatchObject({ repaired: 5 })
  expect(await sync.verify()).toMatchObject({ equal: true })
  expect(relationsIn(target)).toEqual(['e0→e1', 'e1→e2'])
  expect([...elements.values()].filter(({ writes }) => writes > 1).map(({ id }) => id)).toEqual(['e5', 'e7'])
  source.records = source.records.slice(0, 100)
  await expect(sync.verify({ repair: true })).rejects.toMatchObject({ code: 'deletes_refused' })
  expect(await sync.verify({ repair: true, allowDeletes: true })).toMatchObject({ extra: 1902 })
  expect(elements.size).toBe(100)
})

test('where one reading proves nothing, a repair deletes nothing', async () => {
  const { sync, source, elements } = await copied(10)
  source.consistency = 'none'
  source.records = source.records.slice(1)
  expect(await sync.verify({ repair: true })).toMatchObject({ extra: 1, repaired: 0 })
  expect(elements.size).toBe(10)
})

test('what somebody else has changed in a row is found by what lies there, and put right', async () => {
  const { sync, elements, target } = await copied(10)
  const row = (id: string) => elements.get(id)!
  elements.set('e1', { ...row('e1'), name: 'changed by hand' })
  elements.set('e2', { ...row('e2'), attributes: '{"value":9}' })
  elements.set('e3', { ...row('e3'), attributes: 'no JSON' })
  elements.set('e4', { ...row('e4'), attributes: ' {"value": 1} ' })
  expect(await sync.run(), 'a run goes by the hashes').toMatchObject({ updated: 0, unchanged: 12 })
  const found = await sync.verify({ repair: true })
  expect(found.differences.map(({ key, what }) => `${key} ${what}`)).toEqual([
    'e1 different',
    'e2 different',
    'e3 different',
  ])
  expect(found.repaired).toBe(3)
  expect(await sync.verify()).toMatchObject({ equal: true })
  expect(elementsIn(target)).toContain('e2=1')
  expect(row('e1').name).not.toBe('changed by hand')
})
