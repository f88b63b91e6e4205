import fc from 'fast-check'
import { isHotwellError, RateGate, type RateQuota } from 'hotwell/core'
import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'

/** The most that lie in any window, in excess of what its length allows: has to stay within the burst. */
function largestBurst(instants: number[], perSecond: number): number {
  let lowest = Number.POSITIVE_INFINITY
  let largest = 0
  instants.forEach((at, index) => {
    const level = index - (perSecond * at) / 1000
    lowest = Math.min(lowest, level)
    largest = Math.max(largest, level - lowest + 1)
  })
  return largest
}

function pass(quota: RateQuota, pauses: Iterable<number>, startAt = 0): number[] {
  const clock = new FakeClock({ monotonicMs: startAt })
  const gate = new RateGate({ clock, quota })
  const instants: number[] = []
  for (const pauseMs of pauses) {
    clock.freeze(pauseMs)
    const at = gate.nextAt()
    // A sum of two floating-point numbers may fall short of it by the last digit.
    while (clock.monotonic() < at) clock.freeze(at - clock.monotonic())
    expect(gate.take()).toBe(true)
    instants.push(clock.monotonic() - startAt)
  }
  return instants
}

test('no window of any length lets more through than the quota says', () => {
  const quota = fc.record({
    perSecond: fc.double({ min: 0.1, max: 1000, noNaN: true }),
    burst: fc.integer({ min: 1, max: 50 }),
  })
  const pauses = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3000, noNaN: true })), { maxLength: 300 })
  fc.assert(
    fc.property(quota, pauses, (limit, gaps) => {
      expect(largestBurst(pass(limit, gaps), limit.perSecond)).toBeLessThanOrEqual(limit.burst)
    }),
  )
})

test('a day at the limit, a year after boot, neither drifts over it nor falls behind', () => {
  const taken = 50 / 3
  const count = process.env.HOTWELL_TEST_SCALE === 'long' ? 1_440_000 : 100_000
  const instants = pass({ perSecond: taken, burst: 7 }, Array(count).fill(0), 365 * 86_400_000)
  const seconds = instants.at(-1)! / 1000
  expect(count).toBeLessThanOrEqual(taken * seconds + 7)
  expect(count).toBeGreaterThan((taken * seconds + 6.9) * (1 - 2e-6))
})

test('what comes too early takes nothing', () => {
  const clock = new FakeClock()
  const gate = new RateGate({ clock, quota: { perSecond: 10, burst: 2 } })
  expect([gate.take(), gate.take(), gate.take(), gate.take()]).toEqual([true, true, false, false])
  expect(gate.nextAt() - clock.monotonic()).toBeCloseTo(100, 1)
  clock.freeze(100.001)
  expect([gate.take(), gate.take()]).toEqual([true, false])
})

test('by default nothing comes in bursts', () => {
  const bursts = [50, 2.9, 0.2].map(perSecond => {
    const gate = new RateGate({ clock: new FakeClock(), quota: { perSecond } })
    let count = 0
    while (gate.take()) count++
    return count
  })
  expect(bursts).toEqual([1, 1, 1])
})

test('without a quota everything passes', () => {
  const gate = new RateGate({ clock: new FakeClock() })
  for (let i = 0; i < 1000; i++) expect(gate.take()).toBe(true)
  expect(gate.perSecond).toBe(Number.POSITIVE_INFINITY)
})

test('a changed quota holds from then on and grants no second burst', () => {
  const clock = new FakeClock()
  const gate = new RateGate({ clock, quota: { perSecond: 10, burst: 10 } })
  for (let i = 0; i < 10; i++) gate.take()
  gate.configure({ perSecond: 100, burst: 20 })
  let count = 0
  while (gate.take()) count++
  expect(count).toBe(10)
  gate.configure(undefined)
  expect(gate.take()).toBe(true)
})

test('Retry-After holds everything back until it is over', () => {
  const clock = new FakeClock()
  const gate = new RateGate({ clock, quota: { perSecond: 10 } })
  gate.penalize(30_000)
  gate.penalize(1000)
  const until = clock.monotonic() + 30_000
  expect(gate.heldUntil).toBe(until)
  expect(gate.nextAt()).toBeGreaterThanOrEqual(until)
  clock.freeze(29_999)
  expect(gate.take()).toBe(false)
  clock.freeze(1)
  expect(gate.heldUntil).toBeUndefined()
  expect(gate.take()).toBe(true)
})

test('a Retry-After that is no number, or in the past, holds nothing back for good', () => {
  for (const nonsense of [Number.NaN, -5000, undefined]) {
    const clock = new FakeClock()
    const gate = new RateGate({ clock })
    gate.take()
    gate.penalize(nonsense)
    expect(gate.heldUntil).toBeUndefined()
    expect(gate.take()).toBe(false)
    clock.freeze(10_000)
    expect(gate.take()).toBe(true)
  }
})

test('a Retry-After of a year holds for an hour', () => {
  const clock = new FakeClock()
  const gate = new RateGate({ clock })
  gate.penalize(365 * 86_400_000)
  expect(gate.heldUntil! - clock.monotonic()).toBe(3_600_000)
})

/** A server that takes `limit` a second and `burst` at once, and says no 50 ms after it was asked. */
function ask(options: { limit: number; burst: number; wanted: number; seconds: number; deaf?: boolean }) {
  const { limit, burst, wanted, seconds, deaf } = options
  const clock = new FakeClock()
  const gate = new RateGate({ clock })
  const rejections: number[] = []
  let level = burst
  let waiting = 0
  const counts = { accepted: 0, rejected: 0 }
  for (let ms = 0; ms < seconds * 1000; ms++) {
    clock.freeze(1)
    level = Math.min(burst, level + limit / 1000)
    waiting = Math.min(32, waiting + wanted / 1000)
    for (; rejections[0]! <= ms; rejections.shift()) if (!deaf) gate.penalize()
    for (; waiting >= 1 && gate.take(); waiting--) {
      if (level >= 1) {
        level--
        counts.accepted++
      } else {
        counts.rejected++
        rejections.push(ms + 50)
      }
    }
  }
  const { accepted, rejected } = counts
  return { goodput: accepted / (limit * seconds), rejected: rejected / (accepted + rejected) }
}

test('an undocumented limit is learned from rejections: nearly all of it is used, nearly nothing rejected', () => {
  for (const limit of [20, 50, 200]) {
    const learned = ask({ limit, burst: 5, wanted: 2 * limit, seconds: 120 })
    expect(learned.goodput).toBeGreaterThan(0.85)
    expect(learned.rejected).toBeLessThan(0.03)
    const control = ask({ limit, burst: 5, wanted: 2 * limit, seconds: 120, deaf: true })
    expect(control.rejected).toBeGreaterThan(0.4)
  }
})

test('a limit of ten a minute is found as well', () => {
  const { goodput, rejected } = ask({ limit: 1 / 6, burst: 10, wanted: 5, seconds: 600 })
  expect(goodput).toBeGreaterThan(0.85)
  expect(rejected).toBeLessThan(0.4)
})

test('the first rejection sets four fifths of what was accepted, and time brings the rate back', () => {
  const clock = new FakeClock()
  const gate = new RateGate({ clock })
  clock.freeze(60_000)
  for (let i = 0; i < 1000; i++) {
    clock.freeze(10)
    gate.take()
  }
  gate.penalize()
  const cut = gate.perSecond
  expect(cut).toBeGreaterThan(75)
  expect(cut).toBeLessThan(82)
  for (let i = 0; i < 4000; i++) {
    clock.freeze(1)
    gate.take()
  }
  expect(gate.perSecond).toBeGreaterThan(95)
  expect(gate.perSecond).toBeLessThan(105)
})

test('a lull does not wipe out what was learned', () => {
  const clock = new FakeClock()
  const gate = new RateGate({ clock })
  for (let i = 0; i < 100; i++) {
    clock.freeze(100)
    gate.take()
  }
  gate.penalize()
  clock.freeze(3_600_000)
  expect(gate.perSecond).toBeLessThan(20)
  for (let i = 0; i < 10; i++) {
    clock.freeze(10)
    gate.take()
  }
  expect(gate.perSecond).toBeLessThan(20)
})

test('a quota that lets nothing pass is refused and the field named', () => {
  for (const quota of [{ perSecond: 0 }, { perSecond: Number.NaN }, { perSecond: Number.POSITIVE_INFINITY }]) {
    expect(() => new RateGate({ clock: new FakeClock(), quota })).toThrow(/quota's perSecond/)
  }
  try {
    new RateGate({ clock: new FakeClock(), quota: { perSecond: 1, burst: 0 } })
    expect.unreachable()
  } catch (error) {
    expect(isHotwellError(error, 'invalid_configuration') && error.details).toEqual({ field: 'quota.burst' })
  }
})
