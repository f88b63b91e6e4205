import { describe, expect, test } from 'vitest'
import { ElementCache, type ElementCacheOptions } from '../../../src/sync/cache/element-cache.ts'
import type { Element } from '../../../src/sync/model/record.ts'
import { FakeClock } from '../../../src/testing/fake-clock.ts'
import { element } from '../list-source.ts'

const owned = (id: string, ownerId?: string, value = 1) => element(id, value, ownerId ? { ownerId } : {}) as Element

function scene(given: readonly Element[], options: ElementCacheOptions = {}) {
  const clock = new FakeClock()
  const data = new Map(given.map(one => [one.id, one]))
  const cache = new ElementCache({
    clock,
    get: async ids => ids.flatMap(id => data.get(id) ?? []),
    getChildren: async ids =>
      new Map(ids.map(id => [id, [...data.values()].filter(({ ownerId }) => ownerId === id).map(one => one.id)])),
    ...options,
  })
  const set = (one: Element) => void data.set(one.id, one)
  return { clock, data, set, cache }
}

describe('an element cache', () => {
  test('reads elements, attributes, children and parents through', async () => {
    const { cache } = scene([owned('hall'), owned('pump', 'hall', 7), owned('valve', 'hall')])
    expect(await cache.elements.read('pump')).toMatchObject({ id: 'pump', ownerId: 'hall' })
    expect(await cache.attributes.read('pump')).toEqual({ value: 7 })
    expect(await cache.children.read('hall')).toEqual(['pump', 'valve'])
    expect([await cache.parents.read('pump'), await cache.parents.read('hall')]).toEqual([['hall'], []])
    expect(await cache.elements.read('nowhere')).toBeUndefined()
  })

  test('elements live for 600 s, attributes for 300 s, 10,000 of each', async () => {
    const { clock, cache } = scene([])
    for (let number = 0; number < 10_001; number++) cache.put(owned(`e${number}`, 'hall'))
    cache.children.put('hall', ['e10000'])
    const { elements, attributes, parents } = cache.stats()
    expect([elements.entries, attributes.entries, parents.entries]).toEqual([10_000, 10_000, 10_000])
    expect([elements.evictions, attributes.evictions, parents.evictions]).toEqual([1, 1, 1])
    const there = () =>
      [cache.elements, cache.attributes, cache.children, cache.parents].map((one, which) => {
        return one.get(which === 2 ? 'hall' : 'e10000') !== undefined
      })
    await clock.advance(299_999)
    expect(there()).toEqual([true, true, true, true])
    await clock.advance(2)
    expect(there()).toEqual([true, false, true, true])
    await clock.advance(299_997)
    expect(there()).toEqual([true, false, true, true])
    await clock.advance(3)
    expect(there()).toEqual([false, false, false, false])
  })

  test('what changed elsewhere is read anew once it is invalidated, its owner’s children included', async () => {
    const { cache, data, set } = scene([owned('hall'), owned('pump', 'hall')])
    await Promise.all([cache.elements.read('pump'), cache.attributes.read('pump'), cache.children.read('hall')])
    set(owned('pump', undefined, 2))
    expect(await cache.attributes.read('pump')).toEqual({ value: 1 })
    cache.invalidate('pump')
    expect([cache.elements.get('pump'), cache.children.get('hall')]).toEqual([undefined, undefined])
    expect(await cache.attributes.read('pump')).toEqual({ value: 2 })
    expect(await cache.parents.read('pump')).toEqual([])
    expect(await cache.children.read('hall')).toEqual([])
    data.delete('pump')
    cache.invalidate('pump')
    expect(await cache.elements.read('pump')).toBeUndefined()
  })

  test('what is put with another owner leaves the children of the one and comes to those of the other', async () => {
    const { cache, set } = scene([owned('hall'), owned('yard'), owned('pump', 'hall')])
    expect([await cache.children.read('hall'), await cache.children.read('yard')]).toEqual([['pump'], []])
    set(owned('pump', 'yard'))
    cache.put(owned('pump', 'yard'))
    expect([await cache.children.read('hall'), await cache.children.read('yard')]).toEqual([[], ['pump']])
    expect(cache.parents.get('pump')).toEqual(['yard'])
  })

  test('a new element comes to the children of its owner, and one that had no owner as well', async () => {
    const { cache, set } = scene([owned('hall'), owned('valve')])
    await cache.elements.read('valve')
    expect(await cache.children.read('hall')).toEqual([])
    for (const one of [owned('pump', 'hall'), owned('valve', 'hall')]) {
      set(one)
      cache.put(one)
      expect(await cache.children.read('hall')).toContain(one.id)
    }
  })

  test('what is read after its time with another owner, or with one at last, changes the children of both', async () => {
    const { clock, cache, set } = scene([owned('hall'), owned('yard'), owned('pump', 'hall'), owned('valve')], {
      children: { ttlSeconds: 6000 },
    })
    const children = async () => [await cache.children.read('hall'), await cache.children.read('yard')]
    await cache.elements.readMany(['pump', 'valve'])
    expect(await children()).toEqual([['pump'], []])
    set(owned('pump', 'yard'))
    await clock.advance(601_000)
    await cache.elements.read('pump')
    expect(await children()).toEqual([[], ['pump']])
    set(owned('valve', 'yard'))
    await cache.elements.read('valve')
    expect(await children()).toEqual([[], ['pump', 'valve']])
  })

  test('reading an element for the first time leaves its owner’s children alone', async () => {
    const { cache } = scene([owned('hall'), owned('pump', 'hall')])
    await Promise.all([cache.elements.read('pump'), cache.children.read('hall')])
    expect(cache.children.get('hall')).toEqual(['pump'])
  })

  test('putting an element again with the same owner leaves the owner’s children alone', async () => {
    const { cache } = scene([owned('hall'), owned('pump', 'hall')])
    await cache.children.read('hall')
    cache.put(owned('pump', 'hall', 2))
    expect(cache.children.get('hall')).toEqual(['pump'])
    expect([cache.elements.get('pump')?.attributes, cache.attributes.get('pump')]).toEqual([{ value: 2 }, { value: 2 }])
  })

  test('one that is deleted goes from all four', async () => {
    const { cache, data } = scene([owned('hall'), owned('pump', 'hall')])
    await Promise.all([cache.elements.read('pump'), cache.parents.read('pump'), cache.children.read('hall')])
    data.delete('pump')
    cache.put({ ...owned('pump', 'hall'), deleted: true })
    expect([cache.elements.get('pump'), cache.parents.get('pump'), cache.children.get('hall')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    cache.put(owned('hall'))
    cache.clear()
    expect(cache.elements.get('hall')).toBeUndefined()
  })
})
