import { HotwellError } from 'hotwell/core'
import type { RunReport } from 'hotwell/monitoring'
import { ElementCache } from 'hotwell/sync'
import { describe, expect, test } from 'vitest'
import { Cache } from '../../src/core/cache.ts'
import { createSyncMonitor } from '../../src/monitoring/sync-monitor.ts'
import { element, relation } from '../sync/list-source.ts'
import { many, monitored, remoteSync, watchedSync } from './sync-scene.ts'

const none = { count: 0, mean: 0, p50: 0, p95: 0, p99: 0, max: 0 }

describe('a run that is watched', () => {
  test('is counted as its own figures say: read, inserted, updated, unchanged, deleted, failed', async () => {
    const scene = monitored()
    const { source, sync } = watchedSync(scene, [...many(20), relation('e1000', 'e1001'), { nothing: true }])
    const first = await sync.run()
    expect(scene.monitor.snapshot()).toMatchObject({
      read: first.total,
      processed: first.total,
      inserted: first.inserted,
      failed: 1,
      errorRate: 1 / 22,
      runs: { running: 0, completed: 1, failed: 0, cancelled: 0, lastCompletedAt: scene.clock.now() },
    })
    source.records = [...many(10), ...many(12, 2).slice(10), { id: 'e1019', deleted: true }]
    const second = await sync.run({ allowDeletes: true })
    expect(second).toMatchObject({ updated: 2, unchanged: 10, deleted: 9 })
    expect(scene.monitor.snapshot().syncs.plant).toMatchObject({ read: 35, updated: 2, unchanged: 10, deleted: 9 })
    expect(scene.monitor.runs()).toMatchObject([{ deleted: 9 }, { deleted: 0, inserted: first.inserted }])
  })

  test('tells how long its stages take: a page of the source, its preparation, the wait in the buffer, the write', async () => {
    const scene = monitored()
    const { source, sync } = watchedSync(scene, many(40), {
      map: record => {
        scene.clock.freeze(2)
        return record
      },
    })
    source.beforePage = page => scene.clock.freeze(page === 10 ? 500 : 50)
    await sync.run()
    const { stages, batchRecords, transactionSuccessRate } = scene.monitor.snapshot()
    expect(stages.readMs).toMatchObject({ count: 10, mean: 95, max: 500, p99: 500 })
    expect(stages.readMs.p50).toBeCloseTo(50, 0)
    expect(stages.prepareMs).toMatchObject({ count: 10, mean: 8, max: 8 })
    expect(stages.delayMs).toMatchObject({ count: 10, mean: 8 })
    expect(stages.writeMs.count).toBe(10)
    expect(batchRecords).toMatchObject({ count: 10, mean: 4, max: 4 })
    expect(transactionSuccessRate).toBe(1)
  })

  test('that is not heard from its beginning is not counted, nor is a comparison, which is no run', async () => {
    const scene = monitored()
    const { sync, unwatch } = watchedSync(scene, many(8))
    await sync.run()
    await sync.verify()
    expect(scene.monitor.snapshot()).toMatchObject({ read: 8, runs: { running: 0, completed: 1 } })
    unwatch()
    await sync.run()
    expect(scene.monitor.snapshot()).toMatchObject({ read: 8, runs: { completed: 1 } })
    let rewatch = () => {}
    sync.on('page.read', () => {
      rewatch = scene.monitor.watch(sync)
    })
    await sync.run()
    expect(scene.monitor.snapshot()).toMatchObject({ read: 8, runs: { running: 0, completed: 1 } })
    rewatch()
    const remote = remoteSync(scene)
    remote.page()
    remote.batch()
    remote.finish()
    expect(scene.monitor.snapshot()).toMatchObject({ read: 8, runs: { running: 0, completed: 1 } })
  })

  test('of a part has no times of reading, because none are told', async () => {
    const scene = monitored()
    const { source, sync } = watchedSync(scene, many(8))
    source.beforePage = () => scene.clock.freeze(50)
    await sync.run({ part: { only: 'relations' } })
    await sync.run({ part: { elements: ['e1001'] } })
    expect(scene.monitor.snapshot()).toMatchObject({
      runs: { completed: 2 },
      stages: { readMs: none, prepareMs: none },
    })
    expect(scene.monitor.runs()).toMatchObject([{ mode: 'part', inserted: 1 }, { mode: 'part' }])
  })

  test('never has an error rate over 1, nor a time below 0, whatever it tells', () => {
    const scene = monitored()
    const { begin, batch } = remoteSync(scene)
    begin()
    batch({ records: 1, failed: 3, delayMs: -1 })
    expect(scene.monitor.snapshot()).toMatchObject({ errorRate: 1, stages: { delayMs: { count: 1, mean: 0, max: 0 } } })
  })

  test('that nobody listens to any more does not run for ever', async () => {
    const scene = monitored()
    const { begin, batch, unwatch } = remoteSync(scene)
    begin()
    batch()
    expect(scene.monitor.snapshot().runs.running).toBe(1)
    unwatch()
    unwatch()
    expect(scene.monitor.snapshot()).toMatchObject({ processed: 100, runs: { running: 0, completed: 0 } })
    expect(scene.monitor.runs()).toEqual([])
  })

  test('is counted once, however often its sync is watched', async () => {
    const scene = monitored()
    const { sync, unwatch } = watchedSync(scene, many(8))
    expect(scene.monitor.watch(sync)).toBe(unwatch)
    await sync.run()
    expect(scene.monitor.snapshot().read).toBe(8)
  })

  test('shows its retries: transactions that had to be begun again, waits, and why it ended', async () => {
    const scene = monitored()
    const { begin, batch, failBatch, wait, fail } = remoteSync(scene)
    begin()
    batch()
    failBatch('target_unavailable')
    wait('target_unavailable')
    failBatch('target_unavailable')
    wait('target_unavailable', 'paused')
    batch({ attempts: 3 })
    failBatch('target_unavailable')
    fail('target_unavailable')
    begin()
    fail('closed', 'cancelled')
    begin()
    fail('source_failed')
    const { transactions, attempts, transactionSuccessRate, runs } = scene.monitor.snapshot()
    expect({ transactions, attempts, transactionSuccessRate }).toEqual({
      transactions: 2,
      attempts: 5,
      transactionSuccessRate: 0.4,
    })
    expect(runs).toEqual({ running: 0, completed: 0, failed: 2, cancelled: 1, waits: { retry: 1, paused: 1 } })
    expect(scene.monitor.runs().map(({ state, code }) => `${state}: ${code}`)).toEqual([
      'failed: source_failed',
      'cancelled: closed',
      'failed: target_unavailable',
    ])
  })

  test('that fails of its source and goes on is one run with its waits', async () => {
    const scene = monitored()
    const { source, sync } = watchedSync(scene, many(40), { strategy: { patience: { firstMs: 10 } } })
    let failures = 0
    source.beforePage = page => {
      if (page === 3 && failures++ < 2) throw new HotwellError('source_failed', 'The API is away.')
    }
    const running = sync.run()
    while (failures < 3) await scene.clock.advance(50)
    await running
    expect(scene.monitor.snapshot()).toMatchObject({ runs: { completed: 1, waits: { retry: 2, paused: 0 } } })
    expect(scene.monitor.snapshot()).toMatchObject({ processed: 40, transactionSuccessRate: 1 })
  })
})

describe('syncs', () => {
  test('are told apart by name and taken together; two of one name are one', async () => {
    const scene = monitored()
    const [plant, twin, office] = [remoteSync(scene), remoteSync(scene), remoteSync(scene, 'office')]
    for (const sync of [plant, office]) sync.begin()
    plant.batch({ records: 10, writeMs: 100 })
    office.batch({ records: 30, writeMs: 300 })
    plant.finish()
    twin.begin()
    twin.batch({ records: 5, writeMs: 500 })
    const { syncs, processed, stages, runs } = scene.monitor.snapshot()
    expect(Object.keys(syncs)).toEqual(['plant', 'office'])
    expect(syncs.plant).toMatchObject({ processed: 15, runs: { running: 1, completed: 1 } })
    expect(syncs.office).toMatchObject({ processed: 30, runs: { running: 1 } })
    expect({ processed, running: runs.running }).toEqual({ processed: 45, running: 2 })
    expect([syncs.plant!.stages.writeMs.max, syncs.office!.stages.writeMs.max, stages.writeMs.max]).toEqual([
      500, 300, 500,
    ])
  })

  test('that have not run yet have figures of nothing, and no errors', () => {
    const { monitor, clock } = monitored()
    expect(monitor.snapshot()).toMatchObject({
      sinceAt: clock.now(),
      read: 0,
      errorRate: 0,
      transactionSuccessRate: 1,
      recordsPerSecond: 0,
      stages: { readMs: none, prepareMs: none, delayMs: none, writeMs: none },
      syncs: {},
      caches: {},
    })
  })
})

describe('throughput', () => {
  test('now is of the last ten seconds, or since the run began; the peak stays', async () => {
    const scene = monitored()
    const { begin, batch, finish } = remoteSync(scene)
    const second = async (records: number) => {
      await scene.clock.advance(1000)
      batch({ records })
    }
    await scene.clock.advance(3_600_000)
    begin()
    for (let i = 0; i < 3; i++) await second(600)
    expect(scene.monitor.snapshot().recordsPerSecond, 'not diluted by the hour before').toBeCloseTo(600, -2)
    for (let i = 0; i < 20; i++) await second(1000)
    expect(scene.monitor.snapshot().recordsPerSecond).toBeCloseTo(1000, -2)
    expect(scene.monitor.snapshot().bytesPerSecond).toBeCloseTo(30_000, -4)
    for (let i = 0; i < 20; i++) await second(100)
    finish()
    const snapshot = scene.monitor.snapshot()
    expect(snapshot.recordsPerSecond).toBeCloseTo(100, -1)
    expect(snapshot.peakRecordsPerSecond).toBeCloseTo(1000, -2)
    await scene.clock.advance(11_000)
    expect(scene.monitor.snapshot().recordsPerSecond).toBe(0)
    expect(scene.monitor.snapshot().peakRecordsPerSecond).toBe(snapshot.peakRecordsPerSecond)
  })

  test('of a run of half a second counts as the peak that it is', async () => {
    const scene = monitored()
    const { begin, batch, finish } = remoteSync(scene)
    begin()
    await scene.clock.advance(500)
    batch({ records: 1000 })
    finish()
    expect(scene.monitor.snapshot().peakRecordsPerSecond).toBe(2000)
    begin()
    await scene.clock.advance(1)
    batch({ records: 100 })
    finish()
    expect(scene.monitor.snapshot().peakRecordsPerSecond, 'a millisecond says nothing').toBe(2000)
  })

  test('has moving averages over 1, 5 and 15 minutes, with their error rates', async () => {
    const scene = monitored()
    const { begin, batch } = remoteSync(scene)
    begin()
    for (let minute = 0; minute < 20; minute++) {
      const isLast = minute === 19
      for (let second = 0; second < 60; second++) {
        batch({ records: isLast ? 600 : 100, failed: isLast ? 300 : 0 })
        await scene.clock.advance(1000)
      }
    }
    const { oneMinute, fiveMinutes, fifteenMinutes } = scene.monitor.snapshot().movingAverages
    expect(oneMinute.recordsPerSecond).toBeGreaterThan(500)
    expect(fiveMinutes.recordsPerSecond).toBeCloseTo(200, -2)
    expect(fifteenMinutes.recordsPerSecond).toBeCloseTo(133, -2)
    expect(oneMinute.errorRate).toBeGreaterThan(fiveMinutes.errorRate)
    expect(fiveMinutes.errorRate).toBeGreaterThan(fifteenMinutes.errorRate)
    expect(oneMinute.errorRate).toBeCloseTo(0.5, 1)
  })
})

describe('what a run uses', () => {
  test('is CPU in cores and memory, now and at most, of the time in which a run runs', async () => {
    const scene = monitored()
    const { begin, batch, finish } = remoteSync(scene)
    const { used, clock, monitor } = scene
    used.cpuSeconds += 1000
    used.rssBytes = 900e6
    await clock.advance(5000)
    used.rssBytes = 100e6
    begin()
    used.cpuSeconds += 1.5
    used.rssBytes = 300e6
    await clock.advance(1000)
    batch()
    used.cpuSeconds += 0.5
    used.rssBytes = 200e6
    await clock.advance(1000)
    batch()
    expect(monitor.snapshot().resources).toEqual({
      cpuSeconds: 2,
      cpuCores: 0.5,
      peakCpuCores: 1.5,
      rssBytes: 200e6,
      peakRssBytes: 300e6,
      heapBytes: 40e6,
      peakHeapBytes: 40e6,
    })
    finish()
    used.cpuSeconds += 8
    used.rssBytes = 800e6
    await clock.advance(2000)
    expect(monitor.snapshot().resources).toMatchObject({
      cpuSeconds: 2,
      cpuCores: 4,
      peakCpuCores: 1.5,
      rssBytes: 800e6,
      peakRssBytes: 300e6,
    })
  })

  test('is asked of the system ten times a second at most', async () => {
    let asked = 0
    const usage = () => ({ cpuSeconds: ++asked, rssBytes: 1, heapBytes: 1 })
    const scene = monitored({ usage })
    const { begin, batch } = remoteSync(scene)
    begin()
    for (let i = 0; i < 1000; i++) {
      scene.clock.freeze(1)
      batch()
      scene.monitor.snapshot()
    }
    expect(asked).toBeGreaterThan(5)
    expect(asked).toBeLessThanOrEqual(12)
    expect(scene.monitor.snapshot().resources.peakCpuCores).toBe(10)
  })

  test('is that of this process and this thread when nobody says otherwise', () => {
    const monitor = createSyncMonitor()
    const { begin, batch, finish } = remoteSync({ monitor } as ReturnType<typeof monitored>)
    begin()
    const until = process.cpuUsage().user + 150_000
    while (process.cpuUsage().user < until) batch()
    finish()
    const { cpuSeconds, threadCpuSeconds, peakCpuCores, rssBytes, peakHeapBytes } = monitor.snapshot().resources
    expect(cpuSeconds).toBeGreaterThanOrEqual(0.15)
    expect(threadCpuSeconds).toBeGreaterThan(0)
    expect(peakCpuCores).toBeGreaterThan(0)
    expect(rssBytes).toBeGreaterThan(10e6)
    expect(peakHeapBytes).toBeGreaterThan(1e6)
  })
})

describe('caches that are handed over', () => {
  test('show hits, misses, evictions and bytes, those of an element cache one by one', () => {
    const { monitor, clock } = monitored()
    const names = new Cache<string, string>({ clock, maxEntries: 2, sizeOf: value => value.length })
    const unwatch = monitor.watchCache('names', names)
    const elements = new ElementCache({ clock })
    monitor.watchCache('plant', elements)
    for (const id of ['a', 'b', 'c']) names.set(id, 'xxxx')
    for (const id of ['a', 'b', 'b', 'c']) names.get(id)
    elements.put(element('a', 1) as never)
    elements.attributes.get('a')
    const { caches } = monitor.snapshot()
    expect(caches.names).toEqual({ hits: 3, misses: 1, hitRate: 0.75, evictions: 1, entries: 2, bytes: 8 })
    expect(Object.keys(caches)).toEqual([
      'names',
      'plant/elements',
      'plant/attributes',
      'plant/children',
      'plant/parents',
    ])
    expect(caches['plant/attributes']).toMatchObject({ hits: 1, misses: 0, entries: 1 })
    unwatch()
    expect(Object.keys(monitor.snapshot().caches)).not.toContain('names')
  })

  test('may be replaced by others of the same name', () => {
    const { monitor, clock } = monitored()
    const unwatchFormer = monitor.watchCache('names', new Cache({ clock }))
    const latter = new Cache<string, string>({ clock })
    monitor.watchCache('names', latter)
    latter.get('a')
    unwatchFormer()
    expect(monitor.snapshot().caches.names).toMatchObject({ misses: 1 })
  })
})

describe('what is kept of a run', () => {
  test('are its figures and its samples, from its beginning to its end', async () => {
    const told: RunReport[] = []
    const scene = monitored({ onRun: run => told.push(run) })
    const { source, sync } = watchedSync(scene, many(40))
    const startedAt = scene.clock.now()
    source.beforePage = () => {
      scene.clock.freeze(200)
      scene.used.cpuSeconds += 0.1
      scene.used.rssBytes += 1e6
    }
    const stats = await sync.run()
    const [run] = scene.monitor.runs()
    expect(run).toMatchObject({
      sync: 'plant',
      run: stats.run,
      state: 'completed',
      mode: 'full',
      startedAt,
      durationMs: 2000,
      processed: 40,
      recordsPerSecond: 20,
      peakRssBytes: 110e6,
    })
    expect(run!.cpuSeconds).toBeCloseTo(1)
    expect(run!.samples.map(({ elapsedMs }) => elapsedMs)).toEqual([
      0, 200, 400, 600, 800, 1000, 1200, 1400, 1600, 1800, 2000, 2000,
    ])
    expect(run!.samples.at(-1)).toMatchObject({ processed: 40, rssBytes: 110e6 })
    expect(told).toEqual([run])
    expect(structuredClone(run)).toEqual(run)
  })

  test('are 240 samples at most, evenly spread, however long it takes', async () => {
    const scene = monitored()
    const { begin, batch, finish } = remoteSync(scene)
    begin()
    for (let i = 0; i < 20_000; i++) {
      await scene.clock.freeze(250)
      batch({ records: 1 })
    }
    finish()
    const { samples } = scene.monitor.runs()[0]!
    expect(samples.length).toBeGreaterThan(100)
    expect(samples.length).toBeLessThanOrEqual(241)
    expect(samples[0]).toMatchObject({ elapsedMs: 0, processed: 0 })
    expect(samples.at(-1)).toMatchObject({ elapsedMs: 5_000_000, processed: 20_000 })
    const gaps = samples.slice(1, -1).map(({ elapsedMs }, index) => elapsedMs - samples[index]!.elapsedMs)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(3 * Math.min(...gaps))
  })

  test('goes after thirty days, or when there are a hundred later ones', async () => {
    const scene = monitored()
    const { begin, finish } = remoteSync(scene)
    const run = () => {
      begin()
      finish()
    }
    for (let i = 0; i < 120; i++) run()
    expect(scene.monitor.runs()).toHaveLength(100)
    expect(scene.monitor.runs()[0]!.run).toBe('run-plant-120')
    await scene.clock.advance(29 * 86_400_000)
    run()
    await scene.clock.advance(86_400_001)
    expect(scene.monitor.runs().map(({ run }) => run)).toEqual(['run-plant-121'])
  })

  test('is kept whatever the listener throws', () => {
    const scene = monitored({
      onRun: () => {
        throw new Error('the disk is full')
      },
    })
    const { begin, finish } = remoteSync(scene)
    begin()
    finish()
    expect(scene.monitor.runs()).toHaveLength(1)
  })
})

test('a reset begins anew; what runs goes on running, and its report is of all of it', async () => {
  const scene = monitored()
  const { begin, batch, finish } = remoteSync(scene)
  begin()
  batch()
  finish()
  begin()
  batch()
  await scene.clock.advance(60_000)
  scene.used.rssBytes = 1
  scene.monitor.reset()
  expect(scene.monitor.snapshot().resources.peakRssBytes).toBe(1)
  expect(scene.monitor.snapshot()).toMatchObject({
    sinceAt: scene.clock.now(),
    processed: 0,
    peakRecordsPerSecond: 0,
    runs: { running: 1, completed: 0 },
  })
  expect(scene.monitor.runs()).toEqual([])
  batch()
  finish()
  expect(scene.monitor.snapshot()).toMatchObject({ processed: 100, runs: { running: 0, completed: 1 } })
  expect(scene.monitor.runs()).toMatchObject([{ processed: 200 }])
})
