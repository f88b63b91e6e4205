import { expect, test } from 'vitest'
import { element, elementsIn, relation, relationsIn } from './list-source.ts'
import { many, scene } from './run-scene.ts'

test('a part on demand: some elements, a subtree, relations, attributes; nothing is deleted', async () => {
  const owned = (id: string, ownerId: string, value = 1) => element(id, value, { ownerId })
  const { sync, source, target } = scene([
    element('a'),
    owned('b', 'a'),
    owned('c', 'b'),
    element('x'),
    relation('a', 'b'),
  ])
  expect(await sync.run({ part: { elements: ['x', 'unknown'] } })).toMatchObject({ mode: 'part', inserted: 1 })
  expect(elementsIn(target)).toEqual(['x=1'])
  await sync.run({ part: { subtree: 'a', depth: 1 } })
  expect(elementsIn(target)).toEqual(['a=1', 'b=1', 'x=1'])
  await sync.run({ part: { subtree: 'a' } })
  expect(elementsIn(target)).toEqual(['a=1', 'b=1', 'c=1', 'x=1'])
  expect(relationsIn(target), 'those that start there come along').toEqual(['a→b'])
  source.records.push(relation('x', 'a'))
  expect(await sync.run({ part: { only: 'relations' } })).toMatchObject({ inserted: 1, unchanged: 1, deleted: 0 })
  source.records = [element('a', 5, { name: 'renamed' })]
  expect(await sync.run({ part: { only: 'attributes' } })).toMatchObject({ updated: 1, deleted: 0 })
  expect(target.tables.elements.get('a')).toMatchObject({ name: 'A', attributes: '{"value":5}' })
  await expect(sync.run({ part: { elements: [] } })).rejects.toMatchObject({ code: 'invalid_request' })
})

test('a part leaves an interrupted run where it was', async () => {
  const { open, source, target } = scene(many(40))
  const ending = new AbortController()
  source.beforePage = page => {
    if (page === 6) ending.abort(new Error('enough'))
  }
  await open()
    .run({ signal: ending.signal })
    .catch(() => {})
  source.beforePage = () => {}
  await open().run({ part: { elements: ['e1039'] } })
  expect(await open().run()).toMatchObject({ resumed: true })
  expect(target.tables.elements.size).toBe(40)
})
