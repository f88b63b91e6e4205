import { createTokenManager } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import { FakeClock } from 'hotwell/testing'
import { expect, test } from 'vitest'
import { finished, monitored } from './performance-scene.ts'

const minute = 60_000

test('totals, rates, durations and every kind of failure are those of the acquisitions', () => {
  const { monitor, observe } = monitored()
  observe(90, { totalMs: 1000, loginMs: 400 })
  observe(4, { status: 'timeout', totalMs: 9000 })
  observe(3, { status: 'captcha_error', totalMs: 2000 })
  observe(1, { status: 'credential_error', totalMs: 2000 })
  observe(1, { status: 'network_error', totalMs: 2000 })
  observe(1, { status: 'rate_limited', totalMs: 2000 })
  observe(1, { status: 'failed', totalMs: 2000 })
  const snapshot = monitor.snapshot()
  expect(snapshot).toMatchObject({
    totalAcquisitions: 101,
    successful: 90,
    failed: 11,
    successRate: 90 / 101,
    timeouts: 4,
    captchaErrors: 3,
    credentialErrors: 1,
    networkErrors: 1,
    rateLimited: 1,
    otherErrors: 1,
    p50Seconds: expect.closeTo(1, 1),
    p99Seconds: expect.closeTo(9, 0),
    avgLoginDurationSeconds: expect.closeTo(0.4),
  })
  expect(snapshot.avgDurationSeconds).toBeCloseTo((90 + 36 + 14) / 101)
})

test('before the first acquisition all is well and nothing is NaN', () => {
  const { monitor } = monitored()
  expect(monitor.snapshot()).toMatchObject({ totalAcquisitions: 0, successRate: 1, p99Seconds: 0, cacheHitRate: 0 })
  expect(JSON.stringify(monitor.snapshot())).not.toContain('null')
  expect(monitor.health()).toMatchObject({ state: 'healthy', alerts: [], anomalies: [] })
})

test('moving averages forget: of one, five and fifteen minutes', async () => {
  const { clock, monitor, observe } = monitored()
  observe(10, { totalMs: 9000 })
  await clock.advance(4 * minute)
  observe(10, { totalMs: 1000, status: 'failed' })
  const { oneMinute, fiveMinutes } = monitor.snapshot().movingAverages
  expect(oneMinute).toMatchObject({ acquisitions: 10, avgDurationSeconds: 1, successRate: 0 })
  expect(fiveMinutes).toMatchObject({ acquisitions: 20, avgDurationSeconds: 5, successRate: 0.5 })
  await clock.advance(6 * minute)
  const later = monitor.snapshot().movingAverages
  expect(later.fiveMinutes).toMatchObject({ acquisitions: 0, successRate: 1, avgDurationSeconds: 0 })
  expect(later.fifteenMinutes.acquisitions).toBe(20)
})

test('what runs and what ran at most at once is counted from starts and ends, also by hand', async () => {
  const { clock, monitor } = monitored()
  monitor.recordStart('a', 'court', 'zhang')
  monitor.recordStart('b', 'court', 'li')
  expect(monitor.snapshot()).toMatchObject({ concurrent: 2, peakConcurrent: 2 })
  await clock.advance(2000)
  monitor.recordEnd('a', { success: true, totalSeconds: 2, loginSeconds: 1.5 })
  expect(monitor.snapshot()).toMatchObject({ concurrent: 1, peakConcurrent: 2, successful: 1 })
  expect(monitor.dimensions()).toMatchObject({
    bySite: { court: { total: 1, successful: 1, avgDurationSeconds: 2 } },
    byAccount: { 'court/zhang': { total: 1 } },
  })
  monitor.recordEnd('never started', { success: false, totalSeconds: 1 })
  expect(monitor.snapshot()).toMatchObject({ concurrent: 1, failed: 1 })
})

test('what is told by hand may contradict itself or be no number: no figure becomes wrong by it', () => {
  const { monitor } = monitored()
  monitor.recordEnd('a', { success: true, status: 'timeout', totalSeconds: 1, loginSeconds: Number.POSITIVE_INFINITY })
  monitor.recordEnd('b', { success: false, status: 'success', totalSeconds: Number.NaN })
  const snapshot = monitor.snapshot()
  expect(snapshot).toMatchObject({ successful: 1, failed: 1, timeouts: 0, otherErrors: 1, avgLoginDurationSeconds: 0 })
  expect(snapshot.movingAverages.oneMinute).toMatchObject({ acquisitions: 2, successRate: 0.5 })
  expect(snapshot.avgDurationSeconds).toBe(0.5)
})

test('sites told by hand are kept within bounds, too, and hostile names are names', () => {
  const { monitor } = monitored()
  for (let i = 0; i < 1500; i++) monitor.recordEnd(`${i}`, { success: true, totalSeconds: 1, site: `site ${i}` })
  monitor.recordEnd('x', { success: true, totalSeconds: 1, site: '__proto__', account: 'a/b' })
  const { bySite, byAccount } = monitor.dimensions()
  expect(Object.keys(bySite)).toHaveLength(1000)
  expect(Object.getOwnPropertyDescriptor(bySite, '__proto__')?.value).toMatchObject({ total: 1 })
  expect(byAccount['__proto__/a/b']).toMatchObject({ total: 1 })
})

test('a site with endless accounts pushes out its own, the ones used longest ago, and not those of others', () => {
  const { monitor } = monitored()
  const used = (site: string, account: number) =>
    monitor.recordEnd('x', { success: true, totalSeconds: 1, site, account: `${account}` })
  for (let account = 0; account < 10; account++) used('small', account)
  for (let account = 0; account < 990; account++) used('large', account)
  used('large', 0)
  for (let account = 990; account < 995; account++) used('large', account)
  const { byAccount, forgottenAccounts } = monitor.dimensions()
  const names = Object.keys(byAccount)
  expect(names).toHaveLength(1000)
  expect(names.filter(name => name.startsWith('small/'))).toHaveLength(10)
  expect(byAccount['large/0']).toMatchObject({ total: 2 })
  expect(byAccount['large/1']).toBeUndefined()
  expect(forgottenAccounts).toBe(5)
})

test('throughput is that of the last minute, its peak stays', async () => {
  const { clock, monitor, observe } = monitored()
  await clock.advance(minute)
  for (let second = 0; second < 60; second++) {
    observe(10)
    await clock.advance(1000)
  }
  expect(monitor.snapshot().throughputPerSecond).toBeCloseTo(10, 0)
  await clock.advance(5 * minute)
  const snapshot = monitor.snapshot()
  expect(snapshot.throughputPerSecond).toBe(0)
  expect(snapshot.peakThroughputPerSecond).toBeCloseTo(10, 0)
})

test('outcomes are told apart by provider, kind, site and account; of endless accounts the last thousand stay', () => {
  const { monitor, observe } = monitored()
  observe(3, { provider: 'feishu', kind: 'tenant', subject: 'acme' })
  observe(2, { status: 'failed' })
  for (let i = 0; i < 1500; i++) monitor.observe(finished({ subject: `account ${i}` }))
  const { byProvider, byKind, bySite, byAccount, forgottenAccounts } = monitor.dimensions()
  expect(byProvider.feishu).toMatchObject({ total: 3, successRate: 1 })
  expect(byKind['feishu/tenant']).toMatchObject({ total: 3 })
  expect(Object.keys(bySite)).toEqual(['court'])
  expect(bySite.court).toMatchObject({ total: 1502, failed: 2 })
  expect(Object.keys(byAccount)).toHaveLength(1000)
  expect(byAccount['court/account 1499']).toMatchObject({ total: 1 })
  expect(forgottenAccounts).toBe(501)
})

test('a reset begins anew, alerts are over, and what runs goes on running', () => {
  const { monitor, observe, told } = monitored()
  monitor.recordStart('a', 'court')
  observe(10, { status: 'failed' })
  expect(monitor.health().state).toBe('unhealthy')
  monitor.reset()
  expect(monitor.snapshot()).toMatchObject({ totalAcquisitions: 0, successRate: 1, concurrent: 1, peakConcurrent: 1 })
  expect(monitor.health().state).toBe('healthy')
  expect(told.map(({ type }) => type)).toEqual(['alert.raised', 'alert.cleared'])
  expect(monitor.dimensions().byProvider).toEqual({})
})

test('a manager watches itself: logins, lookups, alerts as events; and not at all when it is switched off', async () => {
  const clock = new FakeClock()
  const events: object[] = []
  const court = custom({
    kinds: ['account', 'client'],
    acquire: async ({ ref }) => {
      if (ref.kind === 'client') throw new Error('away')
      return { value: `token of ${ref.subject}`, expiresInSeconds: 3600 }
    },
  })
  const providers = { court }
  await using tokens = createTokenManager({
    providers,
    clock,
    preheat: false,
    monitoring: { alerts: { minSamples: 3 } },
  })
  tokens.on('alert.raised', event => events.push(event))
  const zhang = tokens.token('court/account/zhang')
  await zhang.get()
  await zhang.get()
  expect(tokens.monitor!.snapshot()).toMatchObject({ totalAcquisitions: 1, concurrent: 0, cacheHitRate: 0.5 })
  expect(tokens.monitor!.dimensions().byAccount['court/zhang']).toMatchObject({ total: 1 })
  for (let i = 0; i < 3; i++) {
    const failing = tokens
      .token('court/client')
      .refresh()
      .catch(() => {})
    await clock.advance(20_000)
    await failing
  }
  expect(events).toMatchObject([{ rule: 'minSuccessRate', severity: 'high', health: 'unhealthy' }])
  await using quiet = createTokenManager({ providers, clock, preheat: false, monitoring: false })
  expect(quiet.monitor).toBeUndefined()
})
