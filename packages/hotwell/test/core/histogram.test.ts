import fc from 'fast-check'
import { Histogram, WindowedHistogram } from 'hotwell/core'
import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'

const exact = (values: number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil(share * values.length)) - 1]!

test('percentiles are within one percent of those of the sorted values', () => {
  const values = fc.array(fc.double({ min: 0.01, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (recorded, share) => {
      const histogram = new Histogram()
      for (const value of recorded) histogram.record(value)
      const expected = exact(recorded, share)
      expect(Math.abs(histogram.percentile(share) - expected)).toBeLessThanOrEqual(expected * 0.01)
    }),
  )
})

test('count, sum, mean, least and greatest are exact', () => {
  const histogram = new Histogram()
  for (const value of [3, -0, 0.5, 12_345]) histogram.record(value)
  const { count, sum, mean, min, max } = histogram
  expect({ count, sum, mean, min, max }).toEqual({ count: 4, sum: 12_348.5, mean: 3087.125, min: 0, max: 12_345 })
  expect([histogram.percentile(0), histogram.percentile(1)]).toEqual([0, 12_345])
})

test('an empty one answers 0 everywhere', () => {
  const { count, sum, mean, min, max } = new Histogram()
  expect([count, sum, mean, min, max, new Histogram().percentile(0.99)]).toEqual([0, 0, 0, 0, 0, 0])
})

test('values outside of its range count at the edges', () => {
  const histogram = new Histogram({ lowest: 1, highest: 100 })
  for (const value of [0.001, 5, 5, 1e6]) histogram.record(value)
  expect(histogram.percentile(0.5)).toBeCloseTo(5, 0)
  expect(histogram.percentile(1)).toBe(1e6)
})

test('two merged are as one that has recorded all', () => {
  const [a, b, both] = [new Histogram(), new Histogram(), new Histogram()]
  for (let i = 1; i <= 1000; i++) {
    ;(i % 3 ? a : b).record(i)
    both.record(i)
  }
  a.merge(b)
  for (const share of [0, 0.5, 0.95, 0.99, 1]) expect(a.percentile(share)).toBe(both.percentile(share))
  expect([a.count, a.sum, a.min, a.max]).toEqual([1000, 500_500, 1, 1000])
  expect(() => a.merge(new Histogram({ lowest: 1 }))).toThrow('same lowest and highest')
})

test('reset forgets everything', () => {
  const histogram = new Histogram()
  histogram.record(7)
  histogram.reset()
  expect([histogram.count, histogram.min, histogram.max, histogram.percentile(0.5)]).toEqual([0, 0, 0, 0])
})

test('what cannot be recorded or asked for is refused', () => {
  const histogram = new Histogram()
  for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => histogram.record(value)).toThrow(RangeError)
  expect(() => histogram.percentile(99)).toThrow('0.99 for P99')
  expect(() => new Histogram({ lowest: 0 })).toThrow(RangeError)
  expect(() => new WindowedHistogram({ clock: new FakeClock(), slices: 0 })).toThrow(RangeError)
  expect(histogram.count).toBe(0)
})

test('the windowed one knows the last minutes only', async () => {
  const clock = new FakeClock({ monotonicMs: 0 })
  const histogram = new WindowedHistogram({ clock, windowMs: 60_000, slices: 6 })
  for (let second = 0; second < 60; second++) {
    histogram.record(1000)
    await clock.advance(1000)
  }
  for (let second = 0; second < 49; second++) {
    histogram.record(10)
    await clock.advance(1000)
  }
  expect(histogram.percentile(0.99)).toBeCloseTo(1000, -2)
  await clock.advance(2000)
  expect(histogram.percentile(0.99)).toBeCloseTo(10, 0)
  expect(histogram.current().max).toBe(10)
  await clock.advance(60_000)
  expect(histogram.count).toBe(0)
})

test('after a long pause nothing old is left, and new values count', async () => {
  const clock = new FakeClock()
  const histogram = new WindowedHistogram({ clock })
  histogram.record(5)
  expect(histogram.count).toBe(1)
  clock.freeze(86_400_000)
  histogram.record(6)
  expect([histogram.count, histogram.current().min]).toEqual([1, 6])
  histogram.reset()
  expect(histogram.count).toBe(0)
})

test('a negative zero is a zero', () => {
  const histogram = new Histogram()
  for (const value of [-0, -0, 5]) histogram.record(value)
  expect(histogram.percentile(0.5)).toBeLessThan(0.02)
})
