import * as client from '@prometheus-io/client'
import { registerSyncMetrics } from 'hotwell/monitoring'
import { ElementCache } from 'hotwell/sync'
import { expect, test } from 'vitest'
import { element } from '../sync/list-source.ts'
import { many, monitored, remoteSync, watchedSync } from './sync-scene.ts'

function scraped() {
  const scene = monitored()
  const registry = new client.Registry()
  registerSyncMetrics(registry, client, scene.monitor)
  const lines = async () => (await registry.metrics()).split('\n').filter(line => line && !line.startsWith('#'))
  return { ...scene, scene, registry, lines }
}

test('counters are read at every scrape, not counted twice', async () => {
  const { scene, lines, clock } = scraped()
  const { sync } = watchedSync(scene, [...many(8), { nothing: true }])
  await sync.run()
  const first = await lines()
  for (const line of [
    'hotwell_sync_runs_total{sync="plant",state="completed"} 1',
    'hotwell_sync_runs_total{sync="plant",state="failed"} 0',
    'hotwell_sync_runs_running{sync="plant"} 0',
    `hotwell_sync_last_completed_timestamp_seconds{sync="plant"} ${clock.now() / 1000}`,
    'hotwell_sync_waits_total{sync="plant",until="retry"} 0',
    'hotwell_sync_records_total{sync="plant",outcome="inserted"} 8',
    'hotwell_sync_records_total{sync="plant",outcome="failed"} 1',
    'hotwell_sync_records_read_total{sync="plant"} 9',
    'hotwell_sync_records_processed_total{sync="plant"} 9',
    'hotwell_sync_records_per_second{sync="plant"} 9',
    'hotwell_sync_peak_records_per_second{sync="plant"} 9',
    'hotwell_sync_transactions_total{sync="plant"} 3',
    'hotwell_sync_transaction_attempts_total{sync="plant"} 3',
    'hotwell_sync_memory_bytes 100000000',
    'hotwell_sync_peak_memory_bytes 100000000',
    'hotwell_sync_cpu_seconds_total 0',
  ])
    expect(first).toContain(line)
  expect(await lines()).toEqual(first)
  await sync.run()
  expect(await lines()).toContain('hotwell_sync_records_total{sync="plant",outcome="unchanged"} 8')
  expect(await lines()).toContain('hotwell_sync_runs_total{sync="plant",state="completed"} 2')
})

test('stages and batch sizes are histograms', async () => {
  const { scene, lines, registry } = scraped()
  const { begin, page, batch } = remoteSync(scene)
  begin()
  page({ readMs: 1000, prepareMs: 2 })
  batch({ delayMs: 0.1, writeMs: 90_000, records: 5 })
  batch({ delayMs: 0.1, writeMs: 4, records: 300 })
  const all = await lines()
  for (const line of [
    'hotwell_sync_stage_seconds_bucket{le="0.5",sync="plant",stage="read"} 0',
    'hotwell_sync_stage_seconds_bucket{le="1",sync="plant",stage="read"} 1',
    'hotwell_sync_stage_seconds_count{sync="plant",stage="prepare"} 1',
    'hotwell_sync_stage_seconds_bucket{le="0.0005",sync="plant",stage="delay"} 2',
    'hotwell_sync_stage_seconds_bucket{le="60",sync="plant",stage="write"} 1',
    'hotwell_sync_stage_seconds_bucket{le="+Inf",sync="plant",stage="write"} 2',
    'hotwell_sync_stage_seconds_sum{sync="plant",stage="write"} 90.004',
    'hotwell_sync_batch_records_bucket{le="10",sync="plant"} 1',
    'hotwell_sync_batch_records_sum{sync="plant"} 305',
  ])
    expect(all).toContain(line)
  expect(await registry.metrics()).toContain('# TYPE hotwell_sync_stage_seconds histogram')
})

test('caches have their counters, anomalies are there while they last', async () => {
  const { scene, monitor, lines, clock } = scraped()
  const cache = new ElementCache({ clock })
  const unwatch = monitor.watchCache('plant', cache)
  cache.elements.put('a', element('a') as never)
  cache.elements.get('a')
  cache.elements.get('b')
  const { begin, page } = remoteSync(scene)
  begin()
  for (let minute = 0; minute < 33; minute++) {
    for (let i = 0; i < 20; i++) page({ readMs: minute < 30 ? 10 : 1000 })
    await clock.advance(60_000)
  }
  const all = await lines()
  for (const line of [
    'hotwell_sync_cache_hits_total{cache="plant/elements"} 1',
    'hotwell_sync_cache_misses_total{cache="plant/elements"} 1',
    'hotwell_sync_cache_evictions_total{cache="plant/elements"} 0',
    'hotwell_sync_cache_entries{cache="plant/elements"} 1',
    `hotwell_sync_cache_bytes{cache="plant/elements"} ${cache.stats().elements.bytes}`,
    'hotwell_sync_anomaly_active{sync="plant",metric="readSecondsPerThousand"} 1',
  ])
    expect(all).toContain(line)
  unwatch()
  monitor.reset()
  expect((await lines()).join()).not.toMatch(/cache|anomaly/)
})

test('no metric says which records or runs they were', async () => {
  const { scene, lines } = scraped()
  const { sync } = watchedSync(scene, [...many(8), { nothing: true }])
  const { run } = await sync.run()
  const text = (await lines()).join('\n')
  expect(text).not.toContain(run)
  expect(text).not.toContain('e1000')
})
