import type { Metric } from './prometheus-metrics.ts'
import type { SyncCounters } from './sync-book.ts'
import type { CacheCounts } from './sync-caches.ts'
import type { SyncMonitor, SyncMonitorCounters } from './sync-monitor.ts'
import type { WorkCounts } from './sync-snapshot.ts'

/** Where the metrics come from: a `SyncMonitor`, or what stands for one in another thread. */
export type SyncMetricsSource = Pick<SyncMonitor, 'counters'>

type Samples = Exclude<ReturnType<Metric['read']>, number>

/** Labels are a sync's name, a cache's, or one of a few words; never an id, of which there is no end. */
export function syncMetrics(source: SyncMetricsSource): Metric[] {
  const metrics: Metric[] = []
  const each = (
    type: Metric['type'],
    name: string,
    help: string,
    read: (counters: SyncMonitorCounters) => Samples | number,
    labelNames?: string[],
  ) => metrics.push({ type, name: `hotwell_sync_${name}`, help, labelNames, read: () => read(source.counters()) })
  const bySync =
    (read: (figures: SyncCounters) => number | undefined) =>
    ({ syncs }: SyncMonitorCounters): Samples =>
      Object.entries(syncs).flatMap(([sync, figures]) => {
        const value = read(figures)
        return value === undefined ? [] : [[{ sync }, value] as const]
      })
  const byWord =
    <Word extends string>(label: string, words: readonly Word[], read: (figures: SyncCounters, word: Word) => number) =>
    ({ syncs }: SyncMonitorCounters): Samples =>
      Object.entries(syncs).flatMap(([sync, figures]) =>
        words.map(word => [{ sync, [label]: word }, read(figures, word)] as const),
      )
  const byCache =
    (read: (counts: CacheCounts) => number) =>
    ({ caches }: SyncMonitorCounters): Samples =>
      Object.entries(caches).map(([cache, counts]) => [{ cache }, read(counts)] as const)
  const counter = (name: string, help: string, read: (figures: SyncCounters) => number) =>
    each('counter', name, help, bySync(read), ['sync'])
  const gauge = (name: string, help: string, read: (figures: SyncCounters) => number | undefined) =>
    each('gauge', name, help, bySync(read), ['sync'])

  const states = ['completed', 'failed', 'cancelled'] as const
  const ofState = byWord('state', states, ({ runs }, state) => runs[state])
  each('counter', 'runs_total', 'Runs that have ended', ofState, ['sync', 'state'])
  gauge('runs_running', 'Runs that run', ({ runs }) => runs.running)
  gauge('last_completed_timestamp_seconds', 'When a run was completed last', ({ runs: { lastCompletedAt } }) =>
    lastCompletedAt === undefined ? undefined : lastCompletedAt / 1000,
  )
  const waits = byWord('until', ['retry', 'paused'] as const, ({ runs }, until) => runs.waits[until])
  each('counter', 'waits_total', 'Waits for a source or target that failed', waits, ['sync', 'until'])

  const outcomes: readonly (keyof WorkCounts)[] = ['inserted', 'updated', 'unchanged', 'deleted', 'failed']
  const ofOutcome = byWord('outcome', outcomes, (figures, outcome) => figures[outcome])
  each('counter', 'records_total', 'Records by what became of them', ofOutcome, ['sync', 'outcome'])
  counter('records_read_total', 'Records that came from the source', ({ read }) => read)
  counter('records_processed_total', 'Records whose transaction has committed', ({ processed }) => processed)
  counter('written_bytes_total', 'What was written, about', ({ bytes }) => bytes)
  gauge('records_per_second', 'Records processed a second, now', ({ recordsPerSecond }) => recordsPerSecond)
  const peak = 'The most records that were processed a second'
  gauge('peak_records_per_second', peak, ({ peakRecordsPerSecond }) => peakRecordsPerSecond)
  counter('transactions_total', 'Transactions that have committed', ({ transactions }) => transactions)
  counter('transaction_attempts_total', 'Transactions that were begun', ({ attempts }) => attempts)

  const cached = (type: Metric['type'], name: string, help: string, read: (counts: CacheCounts) => number) =>
    each(type, `cache_${name}`, help, byCache(read), ['cache'])
  cached('counter', 'hits_total', 'Look-ups that a cache answered', ({ hits }) => hits)
  cached('counter', 'misses_total', 'Look-ups that a cache could not answer', ({ misses }) => misses)
  cached('counter', 'evictions_total', 'Entries pushed out for want of room', ({ evictions }) => evictions)
  cached('gauge', 'entries', 'Entries of a cache', ({ entries }) => entries)
  cached('gauge', 'bytes', 'What the entries of a cache take', ({ bytes }) => bytes)

  const cpu = 'Processor time of the process while a run ran'
  each('counter', 'cpu_seconds_total', cpu, ({ resources }) => resources.cpuSeconds)
  each('gauge', 'memory_bytes', 'Memory of the process', ({ resources }) => resources.rssBytes)
  const mostMemory = 'The most memory of the process while a run ran'
  each('gauge', 'peak_memory_bytes', mostMemory, ({ resources }) => resources.peakRssBytes)

  const unusual = ({ anomalies }: SyncMonitorCounters): Samples =>
    anomalies.map(({ sync, metric }) => [{ sync, metric }, 1] as const)
  each('gauge', 'anomaly_active', '1 while a figure is far from what it was', unusual, ['sync', 'metric'])
  return metrics
}
