import { describe, expect, test } from 'vitest'
import { AdaptiveRate } from '../../src/concurrency/adaptive-rate.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { seeded } from './adaptive-backend.ts'

/** A server that lets so many a second in, and somebody who asks whenever the rate allows it. */
function served(rate: AdaptiveRate, clock: FakeClock, perSecond: (second: number) => number, seconds: number) {
  const burst = 5
  const answers: { at: number; startedAt: number; isOk: boolean }[] = []
  const counts = { ok: 0, rejected: 0, perSecond: [] as number[] }
  let level = burst
  for (let ms = 0; ms < 1000 * seconds; ms++) {
    const second = Math.floor(ms / 1000)
    counts.perSecond[second] ??= 0
    clock.freeze(1)
    const now = clock.monotonic()
    level = Math.min(burst, level + perSecond(second) / 1000)
    while (answers[0] && answers[0].at <= now) {
      const { startedAt, isOk } = answers.shift()!
      if (isOk) rate.deliver()
      else rate.penalize(0, startedAt, now)
    }
    while (answers.length < 32 && rate.take(now)) {
      const isOk = level >= 1
      if (isOk) {
        level--
        counts.ok++
        counts.perSecond[second]!++
      } else counts.rejected++
      answers.push({ at: now + 30, startedAt: now, isOk })
    }
  }
  return counts
}

const scene = (quota?: { perSecond: number; burst?: number }) => {
  const clock = new FakeClock()
  return { clock, rate: new AdaptiveRate({ clock, quota }) }
}

/** The most that one of three got of a quota that they share for three minutes ÷ the least, none knowing of the others. */
function unfairness(perSecond: number, seed: number): number {
  const random = seeded(seed)
  const clock = new FakeClock()
  const clients = Array.from({ length: 3 }, () => ({ rate: new AdaptiveRate({ clock }), served: 0 }))
  const answers = new Map<number, (() => void)[]>()
  let level = 5
  for (let ms = 0; ms < 180_000; ms++) {
    clock.freeze(1)
    const now = clock.monotonic()
    level = Math.min(5, level + perSecond / 1000)
    for (const answer of answers.get(ms) ?? []) answer()
    answers.delete(ms)
    // Whoever always came first in a millisecond would get the most.
    const first = Math.floor(3 * random())
    for (const client of [...clients.slice(first), ...clients.slice(0, first)]) {
      if (!client.rate.take(now)) continue
      const isOk = level >= 1
      if (isOk) level--
      const answer = () => {
        if (!isOk) client.rate.penalize(0, now, clock.monotonic())
        else {
          client.rate.deliver()
          client.served++
        }
      }
      const at = ms + 20 + Math.floor(60 * random())
      answers.set(at, [...(answers.get(at) ?? []), answer])
    }
  }
  const served = clients.map(client => client.served)
  return Math.max(...served) / Math.min(...served)
}

describe('the adaptive rate', () => {
  test.each([50, 200, 400])('of three who share a quota of %i a second none starves', perSecond => {
    const worst = Math.max(...[1, 2, 3, 4].map(seed => unfairness(perSecond, seed)))
    expect(worst).toBeLessThan(2)
  })

  test.each([20, 100, 400])('uses a quota of %i a second that only 429s tell, and gets few of them', perSecond => {
    const { clock, rate } = scene()
    const { ok, rejected } = served(rate, clock, () => perSecond, 120)
    expect(ok / (120 * perSecond)).toBeGreaterThan(0.93)
    expect(rejected / (ok + rejected)).toBeLessThan(0.03)
  })

  test('follows a quota that halves and comes back', () => {
    const { clock, rate } = scene()
    const halved = (second: number) => (second >= 30 && second < 60 ? 50 : 100)
    const { perSecond, rejected } = served(rate, clock, halved, 90)
    const mean = (from: number, to: number) => perSecond.slice(from, to).reduce((a, b) => a + b) / (to - from)
    expect(mean(35, 60)).toBeGreaterThan(0.93 * 50)
    expect(mean(70, 90)).toBeGreaterThan(0.93 * 100)
    expect(rejected).toBeLessThan(90)
  })

  test('without a 429 and a quota everything passes', () => {
    const { clock, rate } = scene()
    for (let count = 0; count < 10_000; count++) expect(rate.take(clock.monotonic())).toBe(true)
    expect(rate.perSecond).toBe(Number.POSITIVE_INFINITY)
  })

  test('a documented quota is kept from the start', () => {
    const { clock, rate } = scene({ perSecond: 50, burst: 5 })
    const { ok, rejected } = served(rate, clock, () => 51, 60)
    expect(rejected).toBe(0)
    expect(ok).toBeGreaterThan(2990)
  })

  test('nothing begins before Retry-After is over, then one at once', () => {
    const { clock, rate } = scene()
    const begunAt = clock.monotonic()
    rate.penalize(7000, begunAt, begunAt)
    expect(rate.nextAt(begunAt)).toBe(begunAt + 7000)
    clock.freeze(6999)
    expect(rate.take(clock.monotonic())).toBe(false)
    clock.freeze(1)
    expect(rate.take(clock.monotonic())).toBe(true)
    expect(rate.take(clock.monotonic())).toBe(false)
  })

  test('many 429s of one round trip are one', () => {
    const { clock, rate } = scene()
    served(rate, clock, () => 1_000_000, 5)
    const now = clock.monotonic()
    rate.penalize(0, now - 30, now)
    const once = rate.perSecond
    for (let count = 0; count < 20; count++) rate.penalize(0, now - 30, now)
    expect(rate.perSecond).toBe(once)
  })
})
