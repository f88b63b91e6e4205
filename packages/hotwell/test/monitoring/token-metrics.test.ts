import { describe, expect, test } from 'vitest'
import { TokenMetrics } from '../../src/monitoring/token-metrics.ts'

function used(kinds: Record<string, readonly [hits: number, misses: number]>): TokenMetrics {
  const metrics = new TokenMetrics()
  for (const [kind, [hits, misses]] of Object.entries(kinds)) {
    const counters = metrics.countersFor(kind)
    counters.hits += hits
    counters.misses += misses
  }
  return metrics
}

function refreshes(metrics: TokenMetrics, successes: number, failures: number): void {
  for (let i = 0; i < successes; i++) metrics.recordAcquisition({ refresh: true, unchanged: false, status: 'success' })
  for (let i = 0; i < failures; i++)
    metrics.recordAcquisition({ refresh: true, unchanged: false, status: i % 2 ? 'timeout' : 'failed' })
}

describe('the performance report', () => {
  test('has the promised lines, in order, with two decimals', () => {
    const metrics = used({ app: [1320, 227], tenant: [890, 76] })
    refreshes(metrics, 39, 1)
    for (let i = 0; i < 23; i++) metrics.recordFlight()
    expect(metrics.performanceReport()).toBe(`TokenManager Performance Metrics:
- App Cache Hit Rate: 85.33%
- Tenant Cache Hit Rate: 92.13%
- Refresh Success Rate: 97.50%
- Total Read Locks: 2210
- Total Write Locks: 23
- App Cache: 1320 hits, 227 misses
- Tenant Cache: 890 hits, 76 misses
- Refreshes: 39 success, 1 failures`)
  })

  test('says 0.00% and warns of nothing before the first lookup', () => {
    const metrics = new TokenMetrics()
    expect(metrics.performanceReport()).toBe(`TokenManager Performance Metrics:
- App Cache Hit Rate: 0.00%
- Tenant Cache Hit Rate: 0.00%
- Refresh Success Rate: 0.00%
- Total Read Locks: 0
- Total Write Locks: 0
- App Cache: 0 hits, 0 misses
- Tenant Cache: 0 hits, 0 misses
- Refreshes: 0 success, 0 failures`)
    expect(metrics.warnings()).toEqual([])
  })

  test('adds lines for users and for other kinds once they are used', () => {
    const report = used({ user: [1, 0], client: [2, 1], account: [1, 0] })
      .performanceReport()
      .split('\n')
    expect(report.slice(9)).toEqual([
      '- User Cache Hit Rate: 100.00%',
      '- User Cache: 1 hits, 0 misses',
      '- Other Cache Hit Rate: 75.00%',
      '- Other Cache: 3 hits, 1 misses',
    ])
  })
})

describe('warnings', () => {
  test('come below 80 % hits, 95 % refresh success and 70 % reads, and not at them', () => {
    const atTheLimits = used({ app: [80, 20], tenant: [4, 1], user: [8, 2], client: [8, 2] })
    refreshes(atTheLimits, 19, 1)
    const reads = atTheLimits.totalReadLocks()
    for (let i = 0; i < Math.floor((reads * 3) / 7); i++) atTheLimits.recordFlight()
    expect(atTheLimits.warnings()).toEqual([])

    const below = used({ app: [79, 21], tenant: [3, 1], user: [7, 3], client: [7, 3] })
    refreshes(below, 18, 1)
    for (let i = 0; i < 50; i++) below.recordFlight()
    expect(below.warnings()).toEqual([
      'App cache hit rate is 79.00%, under 80.00%',
      'Tenant cache hit rate is 75.00%, under 80.00%',
      'User cache hit rate is 70.00%, under 80.00%',
      'Other cache hit rate is 70.00%, under 80.00%',
      'Refresh success rate is 94.74%, under 95.00%',
      'Read share of all locks is 65.75%, under 70.00%',
    ])
  })

  test('do not come of preheats that nobody has looked up yet', () => {
    const metrics = new TokenMetrics()
    metrics.recordFlight()
    expect(metrics.warnings()).toEqual([])
  })

  test('are logged as warn, the report as info', () => {
    const metrics = used({ app: [1, 1] })
    const lines: [string, object, string][] = []
    const log = (level: string) => (fields: object, message: string) => void lines.push([level, fields, message])
    metrics.logPerformanceMetrics({ debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') })
    expect(lines).toEqual([
      ['info', { metrics: metrics.snapshot() }, metrics.performanceReport()],
      ['warn', {}, 'App cache hit rate is 50.00%, under 80.00%'],
    ])
  })
})

test('handles of one kind share one object, and other kinds share another', () => {
  const metrics = new TokenMetrics()
  expect(metrics.countersFor('app')).toBe(metrics.countersFor('app'))
  expect(metrics.countersFor('client')).toBe(metrics.countersFor('account'))
  expect(new Set(['app', 'tenant', 'user', 'client'].map(kind => metrics.countersFor(kind))).size).toBe(4)
})

test('first acquisitions and unchanged tokens are no refreshes', () => {
  const metrics = new TokenMetrics()
  metrics.recordAcquisition({ refresh: false, unchanged: false, status: 'success' })
  metrics.recordAcquisition({ refresh: false, unchanged: false, status: 'failed' })
  metrics.recordAcquisition({ refresh: true, unchanged: true, status: 'success' })
  expect(metrics.snapshot().refreshes).toEqual({ successes: 0, failures: 0, successRate: 0 })
  metrics.recordAcquisition({ refresh: true, unchanged: false, status: 'success' })
  metrics.recordAcquisition({ refresh: true, unchanged: false, status: 'rate_limited' })
  expect(metrics.refreshSuccessRate()).toBe(0.5)
})

test('rates are 0 to 1', () => {
  const metrics = used({ app: [3, 1], tenant: [1, 1], user: [1, 3], client: [1, 0] })
  metrics.recordFlight()
  expect(metrics.appCacheHitRate()).toBe(0.75)
  expect(metrics.tenantCacheHitRate()).toBe(0.5)
  expect(metrics.userCacheHitRate()).toBe(0.25)
  expect(metrics.otherCacheHitRate()).toBe(1)
  expect(metrics.snapshot().readShare).toBe(6 / 7)
})

test('handles that were made before a reset keep counting after it', () => {
  const metrics = used({ app: [5, 5] })
  const held = metrics.countersFor('app')
  metrics.recordFlight()
  refreshes(metrics, 1, 1)
  metrics.reset()
  expect(metrics.snapshot()).toEqual(new TokenMetrics().snapshot())
  held.hits++
  expect(metrics.snapshot().app).toEqual({ hits: 1, misses: 0, hitRate: 1 })
})

test('switched off, nothing is counted', () => {
  const metrics = new TokenMetrics({ enabled: false })
  metrics.countersFor('app').misses++
  metrics.recordFlight()
  refreshes(metrics, 0, 1)
  expect(metrics.snapshot()).toEqual(new TokenMetrics().snapshot())
  expect(metrics.warnings()).toEqual([])
})
