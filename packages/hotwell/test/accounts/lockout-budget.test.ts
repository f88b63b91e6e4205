import { expect, test } from 'vitest'
import { budgetAt, effectOf, lockoutBudget } from '../../src/accounts/lockout-budget.ts'
import { dayMs, hourMs } from './scene.ts'

const budget = lockoutBudget()
const now = 1000 * dayMs
const spent = (...hoursAgo: number[]) => ({
  reservedAts: hoursAgo.map(hours => now - hours * hourMs),
  doubts: 0,
})

test('two tries a day unless configured otherwise', () => {
  expect(budget).toEqual({ tries: 2, windowMs: dayMs })
  expect(lockoutBudget({ tries: 3, windowSeconds: 60 })).toEqual({ tries: 3, windowMs: 60_000 })
})

test('a budget that could lock an account is refused', () => {
  for (const tries of [0, 5, 1.5, Number.NaN, -1]) expect(() => lockoutBudget({ tries })).toThrow(/tries has to be/)
  for (const windowSeconds of [0, -1, Number.NaN, Infinity])
    expect(() => lockoutBudget({ windowSeconds })).toThrow(/windowSeconds has to be/)
})

test('it is open until the tries of the window are spent, and again when the first of them leaves it', () => {
  expect(budgetAt(spent(), budget, now)).toEqual({ spent: 0, open: true })
  expect(budgetAt(spent(1), budget, now)).toEqual({ spent: 1, open: true })
  expect(budgetAt(spent(1, 20), budget, now)).toEqual({ spent: 2, open: false, nextAt: now + 4 * hourMs })
  expect(budgetAt(spent(1, 24), budget, now)).toEqual({ spent: 1, open: true })
  expect(budgetAt(spent(3, 1, 2), budget, now)).toEqual({ spent: 3, open: false, nextAt: now + 22 * hourMs })
})

test('four tries without a success shut it for good, however long ago they were', () => {
  expect(budgetAt(spent(99, 200, 300), budget, now)).toEqual({ spent: 0, open: true })
  expect(budgetAt(spent(99, 200, 300, 400), budget, now)).toEqual({ spent: 2, open: false })
})

test('a password that was right rests the longer, the more of its tries were not answered; the fourth is the last', () => {
  const unanswered = (doubts: number, latestAt = now) => budgetAt({ reservedAts: [], doubts, latestAt }, budget, now)
  expect(unanswered(1)).toEqual({ spent: 0, open: true })
  expect(unanswered(2)).toEqual({ spent: 0, open: false, nextAt: now + hourMs / 12 })
  expect(unanswered(3)).toEqual({ spent: 0, open: false, nextAt: now + 2 * hourMs })
  expect(unanswered(3, now - 2 * hourMs)).toEqual({ spent: 0, open: true })
  expect(unanswered(4, now - 99 * hourMs)).toEqual({ spent: 2, open: false })
})

test('whatever became of them, four tries since the last success are all', () => {
  expect(budgetAt({ ...spent(99, 200), doubts: 1 }, budget, now).open).toBe(true)
  expect(budgetAt({ ...spent(99, 200), doubts: 2 }, budget, now)).toEqual({ spent: 2, open: false })
})

test('a wall clock that was set back opens nothing', () => {
  expect(budgetAt(spent(-1, -2), budget, now).open).toBe(false)
})

test('only what the site may have counted stays spent', () => {
  for (const knownRight of [false, true]) {
    expect(effectOf('success', knownRight)).toBe('clear')
    expect(effectOf('credential_error', knownRight)).toBe('keep')
    for (const outcome of ['captcha_error', 'network_error', 'rate_limited', 'failed'] as const)
      expect(effectOf(outcome, knownRight)).toBe('giveBack')
  }
  for (const knownRight of [false, true]) expect(effectOf('not_understood', knownRight)).toBe('keep')
  expect(effectOf('unknown', false)).toBe('keep')
  expect(effectOf('unknown', true)).toBe('doubt')
})
