import { expect, test } from 'vitest'
import { monitored, remoteSync } from './sync-scene.ts'

const minute = 60_000

/** A sync that goes on and on: so many pages and transactions a minute, their times around what is said. */
function running() {
  const scene = monitored()
  const sync = remoteSync(scene)
  sync.begin()
  let state = 7
  const random = () => {
    state = (state * 16_807) % 2_147_483_647
    return state / 2_147_483_647
  }
  async function minutes(
    count: number,
    { readMs = 20, writeMs = 5, records = 1000, repeated = 0.01, perMinute = 40 } = {},
  ): Promise<number> {
    let found = 0
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < perMinute; j++) {
        const noise = 0.7 + 0.6 * random()
        sync.page({ records, readMs: readMs * noise })
        sync.batch({ records, writeMs: writeMs * noise, attempts: random() < repeated ? 2 : 1 })
      }
      await scene.clock.advance(minute)
      found += scene.monitor.anomalies().length
    }
    return found
  }
  return { ...scene, ...sync, minutes }
}

test('a day as every day has no anomaly', async () => {
  expect(await running().minutes(24 * 60)).toBe(0)
})

test('a source that becomes ten times as slow is found, and told with both figures', async () => {
  const { minutes, monitor } = running()
  await minutes(60)
  expect(await minutes(2, { readMs: 200 })).toBe(0)
  expect(await minutes(1, { readMs: 200 })).toBe(1)
  expect(monitor.anomalies()).toMatchObject([
    {
      sync: 'plant',
      metric: 'readSecondsPerThousand',
      message: expect.stringMatching(
        /^Reading 1,000 records takes 0\.(19|20)\d* s in the mean; it was 0\.0(19|20)\d* s before/,
      ),
    },
  ])
  expect(monitor.counters().anomalies).toEqual(monitor.anomalies())
  expect(await minutes(1)).toBe(0)
  await minutes(3, { readMs: 200 })
  expect(monitor.anomalies()).toHaveLength(1)
  monitor.reset()
  expect(monitor.anomalies()).toEqual([])
})

test('a target that becomes slow, and transactions that have to be repeated, are found, each by itself', async () => {
  const { minutes, monitor } = running()
  await minutes(60)
  await minutes(3, { writeMs: 50 })
  expect(monitor.anomalies()).toMatchObject([{ metric: 'writeSecondsPerThousand' }])
  await minutes(10)
  await minutes(3, { repeated: 0.5 })
  expect(monitor.anomalies()).toMatchObject([
    {
      metric: 'failureRate',
      message: expect.stringMatching(/% of the transactions are repeated .* 1\.\d% did before/),
    },
  ])
})

test('records that are refused count as failures', async () => {
  const { minutes, monitor, batch, clock } = running()
  await minutes(60)
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 40; j++) batch({ failed: 1 })
    await clock.advance(minute)
  }
  expect(monitor.anomalies()).toMatchObject([{ metric: 'failureRate' }])
})

test('small batches take longer a record, which is no anomaly', async () => {
  const { minutes } = running()
  await minutes(60)
  expect(await minutes(30, { records: 3 })).toBe(0)
})

test('an anomaly of a sync that does not run any more is over after a quarter of an hour', async () => {
  const { minutes, monitor, clock } = running()
  await minutes(60)
  await minutes(3, { readMs: 200 })
  await clock.advance(14 * minute)
  expect(monitor.anomalies()).toHaveLength(1)
  await clock.advance(2 * minute)
  expect(monitor.anomalies()).toEqual([])
})
