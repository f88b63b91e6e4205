import fc from 'fast-check'
import { MovingAverage, RateCounter } from 'hotwell/core'
import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'

test('a short series has its plain mean and variance', () => {
  const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 10 })
  fc.assert(
    fc.property(values, series => {
      const average = new MovingAverage(0.1)
      for (const value of series) average.record(value)
      const mean = series.reduce((sum, value) => sum + value, 0) / series.length
      const variance = series.reduce((sum, value) => sum + (value - mean) ** 2, 0) / series.length
      expect(average.mean).toBeCloseTo(mean, 6)
      expect(average.variance).toBeCloseTo(variance, 4)
    }),
  )
})

test('it follows a change, and the z-score tells it while it is new', () => {
  const average = new MovingAverage(0.1)
  for (let i = 0; i < 200; i++) average.record(100 + (i % 2 ? 5 : -5))
  expect(average.deviation).toBeCloseTo(5, 1)
  expect(average.zScore(100)).toBeCloseTo(0, 0)
  expect(average.zScore(150)).toBeGreaterThan(8)
  for (let i = 0; i < 100; i++) average.record(150)
  expect(average.mean).toBeCloseTo(150, 1)
  expect(average.zScore(150)).toBeLessThan(1)
})

test('a series that hardly varies calls no ripple an outlier when told what counts', () => {
  const average = new MovingAverage()
  expect(average.zScore(5)).toBe(0)
  for (let i = 0; i < 50; i++) average.record(1)
  expect(average.zScore(1)).toBe(0)
  expect(average.zScore(1.5)).toBe(Number.POSITIVE_INFINITY)
  expect(average.zScore(1.5, 1)).toBe(0.5)
})

test('what is no number, and a weight out of range, are refused', () => {
  expect(() => new MovingAverage().record(Number.NaN)).toThrow(RangeError)
  for (const weight of [0, -1, 1.1, Number.NaN]) expect(() => new MovingAverage(weight)).toThrow(RangeError)
  const average = new MovingAverage()
  average.record(3)
  average.reset()
  expect([average.count, average.mean, average.variance]).toEqual([0, 0, 0])
})

test('the rate is counted over the window and no further back', async () => {
  const clock = new FakeClock()
  const rate = new RateCounter({ clock })
  for (let second = 0; second < 120; second++) {
    rate.add(second < 60 ? 50 : 10)
    await clock.advance(1000)
  }
  expect(rate.total).toBeCloseTo(59 * 10, -1)
  expect(rate.perSecond).toBeCloseTo(10, 0)
  expect(rate.perSecondOver(10_000)).toBeCloseTo(10, 0)
  clock.freeze(600_000)
  expect([rate.total, rate.perSecond]).toEqual([0, 0])
})

test('a young counter divides by its age, by a second at least', async () => {
  const clock = new FakeClock()
  const rate = new RateCounter({ clock })
  rate.add(30)
  expect(rate.perSecond).toBe(30)
  await clock.advance(10_000)
  expect(rate.perSecond).toBe(3)
  rate.reset()
  expect(rate.perSecond).toBe(0)
})
