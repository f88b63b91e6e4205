import { Cache } from 'hotwell/core'
import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'

test('what was used longest ago leaves first', () => {
  const cache = new Cache<string, number>({ clock: new FakeClock(), maxEntries: 2 })
  cache.set('a', 1)
  cache.set('b', 2)
  cache.get('a')
  cache.set('c', 3)
  expect(cache.getMany(['a', 'b', 'c'])).toEqual(
    new Map([
      ['a', 1],
      ['c', 3],
    ]),
  )
})

test('an entry is not served after its time, by the clock it was given', async () => {
  const clock = new FakeClock({ monotonicMs: 0 })
  const cache = new Cache<string, number>({ clock, ttlMs: 1000 })
  cache.set('a', 1)
  cache.set('longer', 2, { ttlMs: 5000 })
  cache.set('for ever', 3, { ttlMs: 0 })
  await clock.advance(999)
  expect(cache.get('a')).toBe(1)
  await clock.advance(2)
  expect([cache.get('a'), cache.get('longer'), cache.get('for ever')]).toEqual([undefined, 2, 3])
  await clock.advance(86_400_000)
  expect([cache.get('longer'), cache.get('for ever')]).toEqual([undefined, 3])
  expect(clock.pending).toBe(0)
})

test('it counts what it does', async () => {
  const clock = new FakeClock()
  const cache = new Cache<string, string>({ clock, maxEntries: 2, ttlMs: 1000, sizeOf: value => value.length })
  expect(cache.stats().hitRate).toBe(0)
  cache.setMany([
    ['a', 'xx'],
    ['b', 'xxx'],
    ['a', 'xxxxx'],
    ['c', 'x'],
  ])
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual(['xxxxx', undefined, 'x'])
  expect(cache.stats()).toEqual({
    hits: 2,
    misses: 1,
    hitRate: 2 / 3,
    inserts: 3,
    updates: 1,
    evictions: 1,
    expirations: 0,
    entries: 2,
    bytes: 6,
  })
  await clock.advance(2000)
  cache.get('a')
  expect(cache.delete('c')).toBe(true)
  expect(cache.stats()).toMatchObject({ misses: 2, evictions: 1, expirations: 1, entries: 0, bytes: 0 })
  cache.resetStats()
  expect(cache.stats()).toMatchObject({ hits: 0, misses: 0, evictions: 0 })
})

test('its bytes are bounded, and what alone exceeds them is not kept', () => {
  const cache = new Cache<string, string>({ clock: new FakeClock(), maxBytes: 10, sizeOf: value => value.length })
  cache.set('a', 'xxxxxx')
  cache.set('b', 'xxxxxx')
  cache.set('c', 'x'.repeat(11))
  expect(cache.stats()).toMatchObject({ inserts: 2, entries: 1, bytes: 6, evictions: 1 })
  expect([cache.get('b'), cache.get('c')]).toEqual(['xxxxxx', undefined])
  cache.clear()
  expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 })
})
