import { expect, test } from 'vitest'
import { ExpiringMap } from '../src/expiring-map.ts'

test('an entry is found until its end and not at it', () => {
  let time = 0
  const map = new ExpiringMap<string>(() => time)
  map.set('a', 'A', 10)
  time = 9
  expect(map.get('a')).toBe('A')
  time = 10
  expect([map.get('a'), map.delete('a')]).toEqual([undefined, false])
})

test('ended entries are forgotten as new ones come', () => {
  let time = 0
  const map = new ExpiringMap<number>(() => time)
  for (; time < 1000; time++) map.set(`key ${time}`, time, time + 10)
  expect(map.size).toBeLessThanOrEqual(11)
})

test('an entry that is set again ends when the newer one says', () => {
  let time = 0
  const map = new ExpiringMap<number>(() => time)
  map.set('a', 1, 10)
  map.set('a', 2, 20)
  time = 15
  expect([map.get('a'), map.size]).toEqual([2, 1])
})
