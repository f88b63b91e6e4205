import * as client from '@prometheus-io/client'
import { expect, test } from 'vitest'
import { AcquisitionStats } from '../../src/monitoring/acquisition-stats.ts'
import { registerTokenMetrics } from '../../src/monitoring/prometheus-collector.ts'
import type { TokenMetricsSource } from '../../src/monitoring/prometheus-metrics.ts'
import { TokenMetrics } from '../../src/monitoring/token-metrics.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { record } from '../history/records.ts'

function scraped(differences: Partial<TokenMetricsSource> = {}) {
  const metrics = new TokenMetrics()
  const stats = new AcquisitionStats({ clock: new FakeClock() })
  const registry = new client.Registry()
  registerTokenMetrics(registry, client, {
    counters: () => metrics.snapshot(),
    acquisitions: () => stats.figures(),
    ...differences,
  })
  const lines = async () => (await registry.metrics()).split('\n').filter(line => line && !line.startsWith('#'))
  return { metrics, stats, registry, lines }
}

test('counters are read from plain fields at every scrape, not counted twice', async () => {
  const { metrics, lines } = scraped()
  const tenant = metrics.countersFor('tenant')
  tenant.hits += 3
  tenant.misses++
  metrics.recordFlight()
  metrics.recordAcquisition(record())
  const first = await lines()
  expect(first).toContain('hotwell_token_cache_hits_total{kind="tenant"} 3')
  expect(first).toContain('hotwell_token_cache_hits_total{kind="app"} 0')
  expect(first).toContain('hotwell_token_cache_misses_total{kind="tenant"} 1')
  expect(first).toContain('hotwell_token_flights_total 1')
  expect(first).toContain('hotwell_token_refreshes_total{outcome="success"} 1')
  expect(await lines()).toEqual(first)
  tenant.hits++
  expect(await lines()).toContain('hotwell_token_cache_hits_total{kind="tenant"} 4')
})

test('acquisitions have counters by outcome and a histogram of seconds', async () => {
  const { stats, registry, lines } = scraped()
  stats.recordAcquisition(record({ totalMs: 120 }))
  stats.recordAcquisition(record({ totalMs: 3000, status: 'timeout', trigger: 'manual' }))
  const all = await lines()
  for (const line of [
    'hotwell_token_acquisitions_total{provider="feishu",kind="tenant",status="success",trigger="preheat"} 1',
    'hotwell_token_acquisitions_total{provider="feishu",kind="tenant",status="timeout",trigger="manual"} 1',
    'hotwell_token_acquisition_seconds_bucket{le="0.1",provider="feishu",kind="tenant"} 0',
    'hotwell_token_acquisition_seconds_bucket{le="0.25",provider="feishu",kind="tenant"} 1',
    'hotwell_token_acquisition_seconds_bucket{le="+Inf",provider="feishu",kind="tenant"} 2',
    'hotwell_token_acquisition_seconds_sum{provider="feishu",kind="tenant"} 3.12',
    'hotwell_token_acquisition_seconds_count{provider="feishu",kind="tenant"} 2',
  ])
    expect(all).toContain(line)
  expect(await registry.metrics()).toContain('# TYPE hotwell_token_acquisition_seconds histogram')
})

test('gate, health, history, preheater, breakers and expiries are shown when they are there', async () => {
  expect((await scraped().lines()).join()).not.toMatch(/gate|health|alert|history|preheat|breaker|expiry/)
  const all = await scraped({
    gate: () => ({
      reclaimed: 1,
      accounts: { running: 2, waiting: 5, entered: 40, timedOut: 3, meanWaitMs: 250, p95WaitMs: 900, quarantined: 1 },
      others: { running: 7, waiting: 0, entered: 60, timedOut: 0, meanWaitMs: 0, p95WaitMs: 0 },
    }),
    health: () => ({ state: 'degraded', alerts: [{ rule: 'maxAvgDurationSeconds', severity: 'medium' }] }),
    history: () => ({ written: 100, dropped: 3, buffered: 7 }),
    preheat: () => ({ scheduled: 12 }),
    breakers: () => [
      { provider: 'feishu', open: true },
      { provider: 'crm', open: false },
    ],
    expiries: () => [{ provider: 'feishu', kind: 'tenant', expirySeconds: 41.5 }],
  }).lines()
  for (const line of [
    'hotwell_gate_running{section="accounts"} 2',
    'hotwell_gate_running{section="others"} 7',
    'hotwell_gate_waiting{section="accounts"} 5',
    'hotwell_gate_entered_total{section="others"} 60',
    'hotwell_gate_queue_timeouts_total{section="accounts"} 3',
    'hotwell_gate_wait_mean_seconds{section="accounts"} 0.25',
    'hotwell_gate_wait_p95_seconds{section="accounts"} 0.9',
    'hotwell_gate_reclaimed_total 1',
    'hotwell_gate_quarantined 1',
    'hotwell_health_state 2',
    'hotwell_alert_active{rule="maxAvgDurationSeconds",severity="medium"} 1',
    'hotwell_history_records_total 100',
    'hotwell_history_dropped_total 3',
    'hotwell_history_buffered 7',
    'hotwell_preheat_scheduled 12',
    'hotwell_provider_breaker_open{provider="feishu"} 1',
    'hotwell_provider_breaker_open{provider="crm"} 0',
    'hotwell_token_expiry_seconds{provider="feishu",kind="tenant"} 41.5',
  ])
    expect(all).toContain(line)
})

test('no metric says whose token it was', async () => {
  const { stats, metrics, lines } = scraped()
  const hers = record({ subject: 'zhang-san', ref: 'feishu/tenant/zhang-san' })
  stats.recordAcquisition(hers)
  metrics.recordAcquisition(hers)
  expect((await lines()).join('\n')).not.toContain('zhang-san')
})

test('the registry gives the same as JSON and survives a reset', async () => {
  const { stats, registry } = scraped()
  stats.recordAcquisition(record())
  const json = await registry.getMetricsAsJSON()
  expect(json.find(({ name }) => name === 'hotwell_token_acquisition_seconds')?.values).toHaveLength(18)
  registry.resetMetrics()
  expect(await registry.metrics()).toContain('status="success",trigger="preheat"} 1')
})
