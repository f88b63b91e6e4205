import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { createFixedLimit } from '../../src/concurrency/adaptive-limit.ts'
import { createThresholdLimit } from '../../src/concurrency/threshold-limit.ts'

const limitOf = (options = {}) => createThresholdLimit({ start: 10, most: 40, ...options })

/** A second with a hundred attempts, of which so many fail. */
function second(limit: ReturnType<typeof limitOf>, number: number, { latencyMs = 50, errors = 0 } = {}): void {
  for (let attempt = 0; attempt < 100; attempt++) {
    const now = 1000 * number + 10 * (attempt + 1)
    limit.begin()
    limit.end(attempt < errors ? 'failed' : 'ok', now - latencyMs, now)
  }
}

describe('the threshold limit', () => {
  test('quick answers double it, up to its most', () => {
    const limit = limitOf()
    const seen = [1, 2, 3].map(number => {
      second(limit, number)
      return limit.limit
    })
    expect(seen).toEqual([20, 40, 40])
  })

  test('more than a tenth of errors takes a fifth, a tenth does not', () => {
    const limit = limitOf()
    second(limit, 1, { errors: 11 })
    expect(limit.limit).toBe(8)
    second(limit, 2, { errors: 10, latencyMs: 200 })
    expect(limit.limit).toBe(8)
  })

  test('answers of a tenth of a second and more leave it where it is', () => {
    const limit = limitOf()
    for (let number = 1; number < 20; number++) second(limit, number, { latencyMs: 100 })
    expect(limit.limit).toBe(10)
  })

  test('it ends at one', () => {
    const limit = limitOf()
    for (let number = 1; number < 50; number++) second(limit, number, { errors: 100 })
    expect(limit.limit).toBe(1)
  })

  test('starts at twice the cores and goes up to four times', () => {
    const limit = createThresholdLimit()
    expect(limit.limit).toBe(2 * availableParallelism())
    for (let number = 1; number < 5; number++) second(limit, number)
    expect(limit.limit).toBe(4 * availableParallelism())
  })
})

test('the fixed limit stays', () => {
  const limit = createFixedLimit(3)
  for (let number = 1; number < 5; number++) second(limit, number, { errors: 50 })
  expect(limit.limit).toBe(3)
})
