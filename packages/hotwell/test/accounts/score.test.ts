import { expect, test } from 'vitest'
import { scoreAt, successRateOf } from '../../src/accounts/score.ts'
import { hourMs } from './scene.ts'

const now = Date.UTC(2026, 0, 1)

test('an account that was never used has 10 points', () => {
  expect(scoreAt({ successes: 0, failures: 0 }, now)).toBe(10)
})

test('an account that only failed has none', () => {
  expect(scoreAt({ successes: 0, failures: 3 }, now)).toBe(0)
})

test('recency loses a point an hour down to 0, successes count up to 50, the success rate up to 20', () => {
  const at = (hours: number, successes: number, failures = 0) =>
    scoreAt({ successes, failures, lastSuccessAt: now - hours * hourMs }, now)
  expect(at(0, 1)).toBe(100 + 1 + 20)
  expect(at(1.5, 3, 1)).toBe(98.5 + 3 + 15)
  expect(at(100, 50)).toBe(0 + 50 + 20)
  expect(at(5000, 700)).toBe(0 + 50 + 20)
  expect(at(-3, 1)).toBe(121)
})

test('the success rate is not known before the first outcome', () => {
  expect(successRateOf({ successes: 0, failures: 0 })).toBeUndefined()
  expect(successRateOf({ successes: 1, failures: 3 })).toBe(0.25)
})
