import { expect, test } from 'vitest'
import { AcquisitionStats, durationBoundsSeconds } from '../../src/monitoring/acquisition-stats.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { record } from '../history/records.ts'

test('acquisitions are counted by provider, kind, status and trigger, never by subject', () => {
  const stats = new AcquisitionStats({ clock: new FakeClock() })
  for (let i = 0; i < 1000; i++) stats.recordAcquisition(record({ subject: `tenant-${i}` }))
  stats.recordAcquisition(record({ status: 'timeout', trigger: 'manual' }))
  stats.recordAcquisition(record({ kind: 'app', subject: undefined, trigger: 'no_token' }))
  const figures = stats.figures()
  expect(figures.map(({ provider, kind, counts }) => ({ provider, kind, counts }))).toEqual([
    {
      provider: 'feishu',
      kind: 'tenant',
      counts: [
        { status: 'success', trigger: 'preheat', count: 1000 },
        { status: 'timeout', trigger: 'manual', count: 1 },
      ],
    },
    { provider: 'feishu', kind: 'app', counts: [{ status: 'success', trigger: 'no_token', count: 1 }] },
  ])
  expect(JSON.stringify(figures)).not.toContain('tenant-')
})

test('buckets are cumulative, and what exceeds them all is in the count alone', () => {
  const stats = new AcquisitionStats({ clock: new FakeClock() })
  for (const totalMs of [5, 6, 120, 400_000]) stats.recordAcquisition(record({ totalMs }))
  const { buckets, count, sumSeconds } = stats.figures()[0]!.durations
  const at = (seconds: number) => buckets[durationBoundsSeconds.indexOf(seconds)]
  expect([at(0.005), at(0.01), at(0.1), at(0.25), at(300)]).toEqual([1, 2, 2, 3, 3])
  expect(count).toBe(4)
  expect(sumSeconds).toBeCloseTo(400.131)
})

test('recent durations are those of the window, by provider', async () => {
  const clock = new FakeClock()
  const stats = new AcquisitionStats({ clock, windowSeconds: 60 })
  for (let i = 1; i <= 100; i++) stats.recordAcquisition(record({ totalMs: i * 10 }))
  stats.recordAcquisition(record({ provider: 'crm', totalMs: 7 }))
  const [feishu, crm] = stats.recentDurations()
  expect(feishu).toMatchObject({ provider: 'feishu', count: 100 })
  expect(feishu!.p50Ms / 500).toBeCloseTo(1, 1)
  expect(feishu!.p95Ms / 950).toBeCloseTo(1, 1)
  expect(crm).toEqual({ provider: 'crm', count: 1, p50Ms: 7, p95Ms: 7, p99Ms: 7 })

  await clock.advance(61_000)
  expect(stats.recentDurations()).toEqual([])
  expect(stats.figures()[0]!.durations.count).toBe(100)
})

test('a clock that went backwards spoils no figure', () => {
  const stats = new AcquisitionStats({ clock: new FakeClock() })
  stats.recordAcquisition(record({ totalMs: -5 }))
  expect(stats.figures()[0]!.durations).toMatchObject({ count: 1, sumSeconds: 0 })
})

test('a reset forgets everything', () => {
  const stats = new AcquisitionStats({ clock: new FakeClock() })
  stats.recordAcquisition(record())
  stats.reset()
  expect(stats.figures()).toEqual([])
  expect(stats.recentDurations()).toEqual([])
})
