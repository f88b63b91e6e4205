import { backoffMs } from 'hotwell/core'
import { expect, test } from 'vitest'

const pauses = (jitter: 'full' | 'equal' | 'none', random: number) =>
  [1, 2, 3, 7, 8, 2000].map(attempt => backoffMs(attempt, { jitter, random: () => random }))

test('pauses double from one second up to one minute', () => {
  expect(pauses('none', 0)).toEqual([1000, 2000, 4000, 60_000, 60_000, 60_000])
})

test('full jitter draws from nothing to the whole pause', () => {
  expect(pauses('full', 0)).toEqual([0, 0, 0, 0, 0, 0])
  expect(pauses('full', 0.5)).toEqual([500, 1000, 2000, 30_000, 30_000, 30_000])
})

test('equal jitter, the default, keeps at least half of the pause', () => {
  expect(pauses('equal', 0)).toEqual([500, 1000, 2000, 30_000, 30_000, 30_000])
  expect(backoffMs(1, { random: () => 0.5 })).toBe(750)
})

test('base, bound and factor are the caller’s', () => {
  expect([1, 2, 3].map(n => backoffMs(n, { baseMs: 10, factor: 3, maxMs: 50, jitter: 'none' }))).toEqual([10, 30, 50])
})
