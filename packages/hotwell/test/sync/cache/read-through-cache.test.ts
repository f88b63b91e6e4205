import { describe, expect, test } from 'vitest'
import { ReadThroughCache, type ReadThroughCacheOptions } from '../../../src/sync/cache/read-through-cache.ts'
import { FakeClock, settled } from '../../../src/testing/fake-clock.ts'

/** A cache over data that the test changes, whose loads end when it says so. */
function scene(options: ReadThroughCacheOptions<string> = {}) {
  const clock = new FakeClock()
  const data = new Map<string, string>()
  const loads: string[][] = []
  let gate: PromiseWithResolvers<void> | undefined
  const cache = new ReadThroughCache<string>({
    clock,
    load: async ids => {
      loads.push([...ids])
      const found = new Map(ids.filter(id => data.has(id)).map(id => [id, data.get(id)!]))
      await gate?.promise
      return found
    },
    ...options,
  })
  const hold = () => {
    gate = Promise.withResolvers()
    return gate
  }
  return { clock, data, loads, cache, hold }
}

describe('a cache that reads through', () => {
  test('a miss loads, a hit does not', async () => {
    const { cache, data, loads } = scene()
    data.set('a', 'A')
    expect(cache.get('a')).toBeUndefined()
    expect([await cache.read('a'), await cache.read('a'), cache.get('a')]).toEqual(['A', 'A', 'A'])
    expect(loads).toEqual([['a']])
    expect(cache.stats()).toMatchObject({ hits: 2, misses: 2, inserts: 1, loads: 1 })
  })

  test('a thousand who miss the same share one load', async () => {
    const { cache, data, loads, hold } = scene()
    data.set('a', 'A')
    const gate = hold()
    const before = Array.from({ length: 500 }, () => cache.read('a'))
    await settled()
    const after = Array.from({ length: 500 }, () => cache.read('a'))
    gate.resolve()
    expect(new Set(await Promise.all([...before, ...after]))).toEqual(new Set(['A']))
    expect(loads).toEqual([['a']])
    expect(cache.stats().shared).toBe(999)
  })

  test('those who miss different ones in the same turn share one load, of at most so many', async () => {
    const { cache, data, loads } = scene({ idsAtOnce: 3 })
    for (const id of 'abcde') data.set(id, id)
    expect(await Promise.all([...'abcde'].map(id => cache.read(id)))).toEqual([...'abcde'])
    expect(loads).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ])
  })

  test('many at once: what is here is not loaded, what is nowhere is left out', async () => {
    const { cache, data, loads } = scene()
    cache.put('b', 'B')
    data.set('c', 'C').set('a', 'A')
    expect([...(await cache.readMany(['c', 'b', 'nowhere', 'a', 'c']))]).toEqual([
      ['c', 'C'],
      ['b', 'B'],
      ['a', 'A'],
    ])
    expect(loads).toEqual([['c', 'nowhere', 'a']])
    expect([...cache.getMany(['a', 'nowhere', 'c'])]).toEqual([
      ['a', 'A'],
      ['c', 'C'],
    ])
  })

  test('what is missing is asked for again', async () => {
    const { cache, data, loads } = scene()
    expect(await cache.read('a')).toBeUndefined()
    data.set('a', 'A')
    expect(await cache.read('a')).toBe('A')
    expect(loads.length).toBe(2)
  })

  test('a load that fails fails for all who share it, and is not remembered', async () => {
    let fails = true
    const { cache } = scene({
      load: async () => {
        if (fails) throw new Error('no answer')
        return new Map([['a', 'A']])
      },
    })
    const both = await Promise.allSettled([cache.read('a'), cache.read('a')])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    fails = false
    expect(await cache.read('a')).toBe('A')
  })

  test('what is invalidated while it is being loaded is not kept, and the next one loads anew', async () => {
    const { cache, data, loads, hold } = scene()
    data.set('a', 'old')
    const gate = hold()
    const early = cache.read('a')
    await settled()
    data.set('a', 'new')
    cache.invalidate('a')
    const late = cache.read('a')
    gate.resolve()
    expect([await early, await late, cache.get('a')]).toEqual(['old', 'new', 'new'])
    expect(loads.length).toBe(2)
  })

  test('what is put while it is being loaded stays', async () => {
    const { cache, data, hold } = scene()
    data.set('a', 'old')
    const gate = hold()
    const early = cache.read('a')
    cache.put('a', 'new')
    gate.resolve()
    expect([await early, cache.get('a')]).toEqual(['old', 'new'])
  })

  test('clearing counts for what is being loaded, too', async () => {
    const { cache, data, hold } = scene()
    cache.put('b', 'B')
    data.set('a', 'A')
    const gate = hold()
    const early = cache.read('a')
    await settled()
    cache.clear()
    gate.resolve()
    await early
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, undefined])
  })

  test('an entry is read anew after its time, which a hit does not prolong', async () => {
    const { clock, cache, data, loads } = scene({ ttlSeconds: 10 })
    data.set('a', 'A')
    await cache.read('a')
    await clock.advance(9000)
    expect(cache.get('a')).toBe('A')
    await clock.advance(1001)
    await cache.read('a')
    expect(loads.length).toBe(2)
    expect(cache.stats().expirations).toBe(1)
  })

  test('it is bounded in entries and in bytes, and counts both', () => {
    const { cache } = scene({ maxEntries: 2 })
    cache.putMany(['a', 'b', 'a', 'c'].map(id => [id, id]))
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual(['a', undefined, 'c'])
    expect(cache.stats()).toMatchObject({ inserts: 3, updates: 1, evictions: 1, entries: 2, bytes: 8 })
    const small = scene({ maxMegabytes: 0.01 }).cache
    small.put('a', 'x'.repeat(6000))
    small.put('b', 'x'.repeat(6000))
    expect([small.get('a'), small.stats().evictions]).toEqual([undefined, 1])
    cache.resetStats()
    expect(cache.stats()).toMatchObject({ hits: 0, inserts: 0, loads: 0, shared: 0, entries: 2 })
  })

  test('without a load it cannot read, and says so; what is here it gives', async () => {
    const cache = new ReadThroughCache<string>({ clock: new FakeClock() })
    cache.put('a', 'A')
    expect(await cache.read('a')).toBe('A')
    await expect(cache.read('b')).rejects.toMatchObject({ code: 'invalid_configuration' })
  })
})
