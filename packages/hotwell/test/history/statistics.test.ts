import { expect, test } from 'vitest'
import type { AcquisitionRecord } from '../../src/tokens/acquisition-record.ts'
import { record } from './records.ts'
import { temporaryHistory, temporaryPath } from './temporary.ts'

const dayMs = 86_400_000
const now = Date.now()

async function historyOf(records: readonly Partial<AcquisitionRecord>[]) {
  const history = temporaryHistory({ path: temporaryPath(), worker: false })
  for (const differences of records) history.record(record({ finishedAt: now, ...differences }))
  await history.flush()
  return history
}

test('acquisitions are counted by status, site, day and account', async () => {
  const history = await historyOf([
    { totalMs: 100 },
    { totalMs: 300, finishedAt: now - dayMs, attempts: 2 },
    { totalMs: 800, status: 'timeout', attempts: 3 },
    { provider: 'crm', kind: 'client', subject: undefined, totalMs: 50 },
  ])
  const statistics = await history.statistics()
  expect(statistics).toMatchObject({
    total: 4,
    successes: 3,
    successRate: 0.75,
    meanSeconds: 0.3125,
    byStatus: { success: 3, timeout: 1 },
  })
  expect(statistics.bySite).toEqual([
    { site: 'feishu', total: 3, successes: 2, successRate: 2 / 3, meanSeconds: 0.4 },
    { site: 'crm', total: 1, successes: 1, successRate: 1, meanSeconds: 0.05 },
  ])
  const day = (at: number) => new Date(at).toISOString().slice(0, 10)
  expect(statistics.byDay).toEqual([
    { day: day(now - dayMs), total: 1, successes: 1, successRate: 1, meanSeconds: 0.3 },
    { day: day(now), total: 3, successes: 2, successRate: 2 / 3, meanSeconds: expect.closeTo(0.95 / 3) },
  ])
  expect(statistics.byAccount).toEqual([
    {
      site: 'feishu',
      kind: 'tenant',
      account: 'acme',
      total: 3,
      successes: 2,
      successRate: 2 / 3,
      meanSeconds: 0.4,
      attempts: 6,
      p50Seconds: 0.3,
      p95Seconds: 0.8,
      lastSuccessAt: now,
      lastFailureAt: now,
    },
  ])
})

test('percentiles of an account are those of its own durations', async () => {
  const history = await historyOf(
    Array.from({ length: 300 }, (_, i) => ({
      subject: i % 3 === 0 ? 'globex' : 'acme',
      totalMs: i % 3 === 0 ? 5000 : ((i * 7919) % 300) + 1,
    })),
  )
  const { byAccount } = await history.statistics()
  const acme = Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? undefined : ((i * 7919) % 300) + 1))
    .filter(value => value !== undefined)
    .sort((a, b) => a - b)
  expect(byAccount.map(({ account, p50Seconds, p95Seconds }) => ({ account, p50Seconds, p95Seconds }))).toEqual([
    { account: 'acme', p50Seconds: acme[99]! / 1000, p95Seconds: acme[189]! / 1000 },
    { account: 'globex', p50Seconds: 5, p95Seconds: 5 },
  ])
})

test('an account that never succeeded has no last success', async () => {
  const history = await historyOf([{ status: 'credential_error' }])
  const { byAccount } = await history.statistics()
  expect(byAccount[0]).toMatchObject({ successes: 0, successRate: 0, lastSuccessAt: undefined })
})

test('seven days are looked at, or as many as were asked for, of one site, kind or account', async () => {
  const history = await historyOf([
    {},
    { subject: 'globex' },
    { kind: 'app', subject: undefined },
    { provider: 'crm' },
    { finishedAt: now - 8 * dayMs },
  ])
  const total = async (options?: Parameters<typeof history.statistics>[0]) => (await history.statistics(options)).total
  expect(await total()).toBe(4)
  expect(await total({ days: 9 })).toBe(5)
  expect(await total({ site: 'crm' })).toBe(1)
  expect(await total({ site: 'feishu', account: 'acme' })).toBe(1)
  expect(await total({ kind: 'app' })).toBe(1)
  expect(await total({ site: "'; DROP TABLE acquisitions; --" })).toBe(0)
  expect((await history.statistics({ accounts: 1 })).byAccount).toHaveLength(1)
  await expect(history.statistics({ days: 0 })).rejects.toMatchObject({ code: 'invalid_request' })
})

test('without any acquisition every figure is zero', async () => {
  const history = await historyOf([])
  expect(await history.statistics()).toMatchObject({
    total: 0,
    successes: 0,
    successRate: 0,
    meanSeconds: 0,
    byStatus: {},
    bySite: [],
    byDay: [],
    byAccount: [],
  })
})
