import { createGate, type GateUsage } from 'hotwell/concurrency'
import { type ConcurrencyQuestion, type RecentAcquisitions, recommendConcurrency } from 'hotwell/monitoring'
import { FakeClock } from 'hotwell/testing'
import { expect, test } from 'vitest'

const none: RecentAcquisitions = { total: 0, byStatus: {}, meanSeconds: 0 }
const fine: RecentAcquisitions = { total: 500, byStatus: { success: 500 }, meanSeconds: 4 }

function usage(accounts: Partial<GateUsage['accounts']> = {}, others: Partial<GateUsage['others']> = {}): GateUsage {
  const idle = createGate({ clock: new FakeClock() }).usage()
  return { ...idle, accounts: { ...idle.accounts, ...accounts }, others: { ...idle.others, ...others } }
}

const ask = (question: Partial<ConcurrencyQuestion>) =>
  recommendConcurrency({ usage: usage(), logins: none, others: none, ...question }).recommendations

test('while nothing waits and nothing is rejected the limits stay', () => {
  expect(ask({ logins: fine, others: fine })).toEqual([])
})

test('logins that wait long and succeed may be more at once; the reason has the figures', () => {
  const waiting = usage({ running: 3, meanWaitMs: 6000, p95WaitMs: 20_000 })
  const [first, ...rest] = ask({ usage: waiting, logins: fine })
  expect(rest).toEqual([])
  expect(first).toMatchObject({ field: 'maxConcurrentAcquisitions', current: 3, recommended: 5 })
  expect(first!.reason).toMatch(/wait 6 s in the mean.*20 s at P95.*100\.0% of 500/)
  expect(first!.confidence).toBeGreaterThan(0.5)
})

test('where one site is full and the rest is not, it is the limit of a site', () => {
  const sites = { court: { running: 2, waiting: 9 } }
  const waiting = usage({ running: 2, waiting: 9, meanWaitMs: 6000, p95WaitMs: 9000, sites })
  expect(ask({ usage: waiting, logins: fine })).toMatchObject([{ field: 'maxConcurrentPerSite', recommended: 3 }])
})

test('where one site is full and with it the whole, both limits hold it back', () => {
  const sites = { court: { running: 2, waiting: 9 }, bank: { running: 1, waiting: 0 } }
  const waiting = usage({ running: 3, waiting: 9, meanWaitMs: 6000, p95WaitMs: 9000, sites })
  expect(ask({ usage: waiting, logins: fine }).map(({ field }) => field)).toEqual([
    'maxConcurrentAcquisitions',
    'maxConcurrentPerSite',
  ])
})

test('those who wait for the rate of a provider, or for one account, are not helped by limits', () => {
  const sites = { crm: { running: 1, waiting: 40 } }
  const paced = usage({}, { running: 1, waiting: 40, meanWaitMs: 3000, sites })
  const { recommendations, others } = recommendConcurrency({ usage: paced, logins: none, others: fine })
  expect(recommendations).toEqual([])
  expect(others.verdict).toBe(
    '40 wait though no limit is reached: for their account, or for the rate that the provider allows.',
  )
})

test('who gave up waiting long ago is no reason; with others waiting now it is, and no failure of the provider', () => {
  expect(ask({ usage: usage({ timedOut: 9 }), logins: fine })).toEqual([])
  const logins = { total: 500, byStatus: { success: 440, failed: 60 }, meanSeconds: 4 }
  const full = usage({ timedOut: 60, running: 3, waiting: 5 })
  expect(ask({ usage: full, logins })).toMatchObject([
    { field: 'maxConcurrentAcquisitions', reason: expect.stringMatching(/60 gave up.*100\.0% of 440/) },
  ])
})

test('what was waited for is surer while it lasts than afterwards', () => {
  const during = ask({ usage: usage({ running: 3, waiting: 2, meanWaitMs: 6000 }), logins: fine })
  const afterwards = ask({ usage: usage({ meanWaitMs: 6000 }), logins: fine })
  expect(afterwards).toMatchObject([{ field: 'maxConcurrentAcquisitions', recommended: 5 }])
  expect(afterwards[0]!.confidence).toBeLessThan(during[0]!.confidence)
})

test('429s ask for fewer at once, whoever waits; the more of them, the surer', () => {
  const rejected = (rate_limited: number) => ({
    others: { total: 500, byStatus: { success: 500 - rate_limited, rate_limited }, meanSeconds: 1 },
    usage: usage({}, { meanWaitMs: 9000 }),
  })
  const some = ask(rejected(20))
  expect(some).toMatchObject([
    { field: 'maxConcurrentOther', current: 32, recommended: 16 },
    { field: 'maxConcurrentPerProvider', current: 16, recommended: 8 },
  ])
  expect(some[0]!.reason).toContain('20 of 500 acquisitions were answered 429, 4.0%')
  expect(ask(rejected(100))[0]!.confidence).toBeGreaterThan(some[0]!.confidence)
})

test('time-outs ask for somewhat fewer', () => {
  const logins = { total: 100, byStatus: { success: 80, timeout: 20 }, meanSeconds: 60 }
  expect(ask({ logins })).toMatchObject([
    { field: 'maxConcurrentAcquisitions', current: 3, recommended: 2 },
    { field: 'maxConcurrentPerSite', current: 2, recommended: 1 },
  ])
})

test('where logins fail anyway, more of them are no cure for waiting', () => {
  const logins = { total: 100, byStatus: { success: 80, credential_error: 20 }, meanSeconds: 4 }
  expect(ask({ logins, usage: usage({ meanWaitMs: 9000 }) })).toEqual([])
})

test('too few acquisitions say nothing', () => {
  const logins = { total: 19, byStatus: { rate_limited: 19 }, meanSeconds: 1 }
  expect(ask({ logins })).toEqual([])
  expect(recommendConcurrency({ usage: usage(), logins, others: none })).toMatchObject({
    logins: { verdict: '19 acquisitions say too little; 20 are needed.' },
    others: { verdict: '0 acquisitions say too little; 20 are needed.' },
  })
})

test('recommendations stay within the bounds, and are none where the bound is reached', () => {
  const waiting = usage({ running: 3, meanWaitMs: 6000 })
  const bounded = (max: number) =>
    ask({ usage: waiting, logins: fine, bounds: { maxConcurrentAcquisitions: { min: 1, max } } })
  expect(bounded(4)).toMatchObject([{ recommended: 4 }])
  expect(bounded(3)).toEqual([])
  expect(bounded(2), 'it is not lowered while it should be raised').toEqual([])
})

test('the outlook has the figures it rests on', () => {
  const { logins } = recommendConcurrency({
    usage: usage({ running: 3, meanWaitMs: 500, p95WaitMs: 800, timedOut: 2 }),
    logins: { total: 40, byStatus: { success: 30, rate_limited: 4, timeout: 6 }, meanSeconds: 2 },
    others: none,
  })
  expect(logins).toEqual({
    acquisitions: 40,
    utilisation: 1,
    meanWaitSeconds: 0.5,
    p95WaitSeconds: 0.8,
    queueTimeouts: 2,
    rateLimitedShare: 0.1,
    failureShare: 0.25,
    verdict: '4 of 40 acquisitions were answered 429, 10.0%: fewer at once are rejected less.',
  })
})
