import { describe, expect, test } from 'vitest'
import { createGradientLimit } from '../../src/concurrency/gradient-limit.ts'
import { Backend, bimodal, exponential } from './adaptive-backend.ts'

const gradient = (start = 4) => createGradientLimit({ start })

describe('the gradient limit', () => {
  test.each([5, 50, 300])(
    'finds what a backend of %i ms works on at once, and lets hardly anything wait',
    serviceMs => {
      const backend = new Backend(gradient(), 32, serviceMs)
      backend.run(20)
      const served = backend.served
      const inFlight = backend.run(40)
      expect((backend.served - served) / ((40 * 1000 * 32) / serviceMs)).toBeGreaterThan(0.95)
      expect(inFlight).toBeLessThan(1.6 * 32)
    },
  )

  test.each([50, 300])(
    'ten seconds after the capacity of a %i ms backend has halved, little waits again',
    serviceMs => {
      const backend = new Backend(gradient(), 32, serviceMs)
      backend.run(30)
      backend.workers = 16
      backend.run(10)
      expect(backend.run(20)).toBeLessThan(1.6 * 16)
    },
  )

  test('takes up capacity that comes back', () => {
    const backend = new Backend(gradient(), 8, 100)
    backend.run(30)
    backend.workers = 64
    backend.run(15)
    const served = backend.served
    backend.run(20)
    expect(backend.served - served).toBeGreaterThan(0.93 * 20 * 640)
  })

  test('noise is no queue: the capacity is used although latencies scatter as much as they last', () => {
    const backend = new Backend(gradient(), 32, 50, exponential(7))
    backend.run(20)
    const served = backend.served
    const inFlight = backend.run(60)
    expect(backend.served - served).toBeGreaterThan(0.9 * 60 * 640)
    expect(inFlight).toBeLessThan(2 * 32)
  })

  test('control: without the tolerance of noise a fifth of a noisy backend lies idle, which is in use with it', () => {
    const goodput = (noiseTolerance?: number) => {
      const shares = [1, 2, 3, 4, 5, 6, 7, 8].map(seed => {
        const backend = new Backend(createGradientLimit({ start: 4, noiseTolerance }), 4, 50, bimodal(seed))
        backend.run(20)
        const served = backend.served
        backend.run(120)
        return (backend.served - served) / (120 * 80)
      })
      return shares.reduce((sum, share) => sum + share) / shares.length
    }
    expect(goodput()).toBeGreaterThan(0.9)
    expect(goodput(0)).toBeLessThan(0.85)
  })

  test('requests that take twice as long are no queue either, once the base has been measured again', () => {
    const backend = new Backend(gradient(), 32, 100)
    backend.run(30)
    backend.serviceMs = 200
    backend.run(15)
    const served = backend.served
    backend.run(20)
    expect(backend.served - served).toBeGreaterThan(0.9 * 20 * 160)
  })

  test('a limit that is not used does not grow', () => {
    const limit = gradient()
    const backend = new Backend(limit, 1000, 50)
    backend.demand = 3
    backend.run(60)
    expect(limit.limit).toBeLessThanOrEqual(4)
  })

  test('an outage takes it down to one, and the capacity is in use soon after it', () => {
    const limit = gradient()
    const backend = new Backend(limit, 32, 50)
    backend.run(20)
    backend.isDown = true
    backend.run(20)
    expect(limit.limit).toBe(1)
    backend.isDown = false
    backend.run(20)
    const served = backend.served
    backend.run(10)
    expect(backend.served - served).toBeGreaterThan(0.9 * 10 * 640)
  })

  test('many refusals of one round trip cut it once', () => {
    const limit = gradient(20)
    for (let begun = 0; begun < 20; begun++) limit.begin()
    for (let ended = 0; ended < 20; ended++) limit.end('overloaded', 0, 50)
    expect(limit.limit).toBe(18)
  })

  test('refusals enter no latency: an answer in no time does not pass for a fast backend', () => {
    const limit = gradient()
    const backend = new Backend(limit, 32, 100)
    backend.run(20)
    const before = backend.run(5)
    backend.isDown = true
    backend.run(0.02)
    backend.isDown = false
    backend.run(10)
    // A base of five milliseconds would hold it down for good.
    expect(backend.run(10)).toBeGreaterThan(0.9 * before)
  })

  test('neither 429s nor failures change it', () => {
    const limit = gradient(10)
    for (let round = 0; round < 500; round++) {
      limit.begin()
      limit.end(round % 2 ? 'rate_limited' : 'failed', 100 * round, 100 * round + 5)
    }
    expect(limit.limit).toBe(10)
  })

  test('stays between its least and its most', () => {
    const most = createGradientLimit({ start: 4, most: 10 })
    const backend = new Backend(most, 100, 50)
    backend.run(20)
    expect(most.limit).toBe(10)
    const least = createGradientLimit({ start: 8, least: 5 })
    const down = new Backend(least, 100, 50)
    down.isDown = true
    down.run(20)
    expect(least.limit).toBe(5)
  })
})
