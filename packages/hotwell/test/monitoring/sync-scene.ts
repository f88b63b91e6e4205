import { createSyncMonitor, type ResourceUsage, type SyncMonitorOptions } from 'hotwell/monitoring'
import { createSync, type SyncEvents, type SyncOptions } from 'hotwell/sync'
import { FakeClock } from 'hotwell/testing'
import { onTestFinished } from 'vitest'
import { Events } from '../../src/core/events.ts'
import type { BatchWritten, PageRead } from '../../src/sync/sync-events.ts'
import type { RunStats } from '../../src/sync/sync-stats.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import { element, ListSource } from '../sync/list-source.ts'

export const many = (count: number, value = 1) =>
  Array.from({ length: count }, (_, n) => element(`e${1000 + n}`, value))

/** A monitor on a fake clock, in a process that uses what the test says. */
export function monitored(options: SyncMonitorOptions = {}) {
  const clock = new FakeClock()
  const used = { cpuSeconds: 50, rssBytes: 100e6, heapBytes: 40e6 }
  const monitor = createSyncMonitor({ clock, usage: (): ResourceUsage => ({ ...used }), ...options })
  return { clock, used, monitor }
}

/** A real sync from a list into memory, whose pages take as long as the test says. */
export function watchedSync(
  scene: ReturnType<typeof monitored>,
  records: unknown[],
  options: Partial<SyncOptions> = {},
) {
  const source = new ListSource(records)
  const target = new MemoryTarget()
  const sync = createSync({ name: 'plant', source, target, clock: scene.clock, ...options })
  const unwatch = scene.monitor.watch(sync)
  onTestFinished(() => sync.close())
  return { source, target, sync, unwatch }
}

/** What stands for a sync of another thread: its events arrive, and the sync is elsewhere. */
export function remoteSync(scene: ReturnType<typeof monitored>, name = 'plant') {
  const events = new Events<SyncEvents>(error => {
    throw error
  })
  const remote = { name, on: events.on.bind(events) }
  const unwatch = scene.monitor.watch(remote)
  let run = ''
  let runs = 0
  return {
    remote,
    unwatch,
    begin() {
      run = `run-${name}-${++runs}`
      events.emit('run.started', { sync: name, run })
    },
    page: (page: Partial<PageRead> = {}) =>
      events.emit('page.read', { sync: name, run, records: 100, readMs: 1, prepareMs: 1, ...page }),
    batch: (batch: Partial<BatchWritten> = {}) =>
      events.emit('batch.written', { ...aBatch, sync: name, run, inserted: batch.records ?? 100, ...batch }),
    failBatch: (code: string) =>
      events.emit('batch.failed', { sync: name, run, lane: 0, records: 100, attempt: 1, code, message: 'It is away.' }),
    deleteAbsent: (elements: number, relations = 0) =>
      events.emit('absent.deleted', { sync: name, run, elements, relations, writeMs: 1 }),
    wait: (code: string, until: 'retry' | 'paused' = 'retry') =>
      events.emit('run.waiting', { sync: name, run, until, code, message: 'It is away.' }),
    finish: () => events.emit('run.finished', { sync: name, run, stats: stats(run, 'completed') }),
    fail: (code: string, state: RunStats['state'] = 'failed') =>
      events.emit('run.failed', { sync: name, run, stats: stats(run, state), code, message: 'It is away.' }),
  }
}

const aBatch: BatchWritten = {
  lane: 0,
  records: 100,
  bytes: 30_000,
  delayMs: 1,
  writeMs: 1,
  attempts: 1,
  inserted: 100,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  failed: 0,
}

function stats(run: string, state: RunStats['state']): RunStats {
  const none = { total: 0, succeeded: 0, inserted: 0, updated: 0, failed: 0, skipped: 0, unchanged: 0, deleted: 0 }
  return { run, state, mode: 'full', ...none, pending: 0, cycles: 0, durationMs: 0, resumed: false }
}
