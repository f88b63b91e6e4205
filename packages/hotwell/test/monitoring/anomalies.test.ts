import { expect, test } from 'vitest'
import { monitored } from './performance-scene.ts'

const minute = 60_000

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Acquisitions as they are: lognormal durations around a second, a few failures. */
function traffic(seed: number) {
  const random = seeded(seed)
  const scene = monitored({ alerts: false })
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  async function minutes(
    count: number,
    { slower = 1, failing = 0.02, perMinute = 30, slowShare = 0 } = {},
  ): Promise<number> {
    let found = 0
    for (let i = 0; i < count; i++) {
      const acquisitions = Math.round(perMinute * (0.7 + 0.6 * random()))
      for (let j = 0; j < acquisitions; j++) {
        const status = random() < failing ? 'failed' : 'success'
        const seconds = random() < slowShare ? 300 : Math.exp(0.5 * normal())
        scene.observe(1, { totalMs: 1000 * slower * seconds, status })
      }
      await scene.clock.advance(minute)
      found += scene.monitor.anomalies().length
    }
    return found
  }
  return { ...scene, minutes }
}

test('a day of steady traffic has no anomaly, whatever its seed', async () => {
  const days = process.env.HOTWELL_TEST_SCALE === 'long' ? 40 : 4
  for (let seed = 1; seed <= days; seed++) {
    const { minutes } = traffic(seed)
    expect(await minutes(24 * 60), `seed ${seed}`).toBe(0)
  }
})

test('traffic so thin that a window holds next to nothing has none either', async () => {
  const { minutes } = traffic(5)
  expect(await minutes(24 * 60, { perMinute: 4, failing: 0.1 })).toBe(0)
})

test('a slow login among quick tokens now and then is how things are, also where few are acquired', async () => {
  const days = process.env.HOTWELL_TEST_SCALE === 'long' ? 60 : 12
  for (let seed = 1; seed <= days; seed++) {
    const { minutes } = traffic(seed)
    expect(await minutes(24 * 60, { perMinute: 6, slower: 0.1, slowShare: 0.05 }), `seed ${seed}`).toBe(0)
  }
})

test('an anomaly is over when nobody has acquired anything for a quarter of an hour', async () => {
  const { minutes, monitor, clock } = traffic(6)
  await minutes(120)
  await minutes(5, { slower: 3 })
  await clock.advance(14 * minute)
  expect(monitor.anomalies()).toHaveLength(1)
  await clock.advance(2 * minute)
  expect(monitor.anomalies()).toEqual([])
})

test('acquisitions that become three times as slow are found after three windows, and told with both figures', async () => {
  const { minutes, monitor } = traffic(7)
  await minutes(120)
  expect(await minutes(2, { slower: 3 })).toBe(0)
  expect(await minutes(1, { slower: 3 })).toBe(1)
  expect(monitor.health().anomalies).toMatchObject([
    {
      metric: 'avgDurationSeconds',
      message: expect.stringMatching(/takes 3\.\d+ s in the mean; it was 1\.\d+ s before/),
    },
  ])
  expect(monitor.anomalies()[0]!.zScore).toBeGreaterThanOrEqual(4)
  expect(await minutes(1)).toBe(0)
})

test('failures that become frequent are found, too', async () => {
  const { minutes, monitor } = traffic(8)
  await minutes(120)
  await minutes(3, { failing: 0.5 })
  expect(monitor.anomalies()).toMatchObject([{ metric: 'failureRate' }])
})

test('what lasts for an hour is how things are now', async () => {
  const { minutes } = traffic(9)
  await minutes(120)
  await minutes(60, { slower: 3 })
  expect(await minutes(60, { slower: 3 })).toBe(0)
})
