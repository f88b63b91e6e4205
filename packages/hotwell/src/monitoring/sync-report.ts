import type { DistributionFigures } from './sync-distribution.ts'
import type { RunSample } from './sync-run-samples.ts'
import { type RunReport, type SyncFigures, type SyncReport, type SyncStage, syncStages } from './sync-snapshot.ts'
import { textTable } from './sync-text-table.ts'

/** So many of the latest runs are shown. */
const mostRuns = 10
const chartWidth = 24
const megabyte = 1024 * 1024
const stageNames: Readonly<Record<SyncStage, string>> = {
  readMs: 'read',
  prepareMs: 'prepare',
  delayMs: 'buffer delay',
  writeMs: 'write',
}

/** Tables for people, each left out while there is nothing in it. */
export function syncReportText({ snapshot, anomalies, runs }: Omit<SyncReport, 'text'>): string {
  const named = Object.entries(snapshot.syncs)
  const rows: (readonly [string, SyncFigures])[] = named.length > 1 ? [...named, ['all', snapshot]] : named
  const sections = [
    `Syncs from ${instant(snapshot.sinceAt)} to ${instant(snapshot.takenAt)}`,
    table('Records a second', throughputTable(rows)),
    table('Records', recordTable(rows)),
    table('Runs', runCountTable(rows)),
    table('Stages, in ms', stageTable(rows)),
    table('Transactions', transactionTable(rows)),
    table('Caches', cacheTable(snapshot.caches)),
    table('Process, while a run runs', resourceTable(snapshot.resources)),
    anomalies.length > 0
      ? ['Anomalies', ...anomalies.map(({ sync, message }) => `${sync}: ${message}`)].join('\n')
      : '',
    table('Latest runs', runTable(runs.slice(0, mostRuns))),
  ]
  return `${sections.filter(section => section !== '').join('\n\n')}\n`
}

type Rows = readonly (readonly [name: string, figures: SyncFigures])[]
type Table = readonly (readonly string[])[]

/** `rows`: the titles first. */
function table(heading: string, rows: Table): string {
  return rows.length > 1 ? `${heading}\n${textTable(rows)}` : ''
}

function throughputTable(rows: Rows): Table {
  return [
    ['sync', 'now', 'peak', '1 min', '5 min', '15 min', 'MB/s now'],
    ...rows.map(([name, { recordsPerSecond, peakRecordsPerSecond, bytesPerSecond, movingAverages }]) => [
      name,
      whole(recordsPerSecond),
      whole(peakRecordsPerSecond),
      whole(movingAverages.oneMinute.recordsPerSecond),
      whole(movingAverages.fiveMinutes.recordsPerSecond),
      whole(movingAverages.fifteenMinutes.recordsPerSecond),
      megabytes(bytesPerSecond),
    ]),
  ]
}

function recordTable(rows: Rows): Table {
  return [
    ['sync', 'read', 'inserted', 'updated', 'unchanged', 'deleted', 'failed', 'error rate'],
    ...rows.map(([name, { read, inserted, updated, unchanged, deleted, failed, errorRate }]) => [
      name,
      ...[read, inserted, updated, unchanged, deleted, failed].map(whole),
      percent(errorRate),
    ]),
  ]
}

function runCountTable(rows: Rows): Table {
  return [
    ['sync', 'running', 'completed', 'failed', 'cancelled', 'retries', 'pauses', 'completed last'],
    ...rows.map(
      ([
        name,
        {
          runs: { running, completed, failed, cancelled, waits, lastCompletedAt },
        },
      ]) => [
        name,
        ...[running, completed, failed, cancelled, waits.retry, waits.paused].map(whole),
        lastCompletedAt === undefined ? '' : instant(lastCompletedAt),
      ],
    ),
  ]
}

function stageTable(rows: Rows): Table {
  return [
    ['sync', 'stage', 'times', 'mean', 'P50', 'P95', 'P99', 'max'],
    ...rows.flatMap(([name, { stages }]) =>
      syncStages.map(stage => [name, stageNames[stage], ...distribution(stages[stage], short)]),
    ),
  ]
}

function transactionTable(rows: Rows): Table {
  return [
    ['sync', 'success', 'size', 'times', 'mean', 'P50', 'P95', 'P99', 'max'],
    ...rows.flatMap(([name, { transactionSuccessRate, batchRecords, batchBytes }]) => [
      [name, percent(transactionSuccessRate), 'records', ...distribution(batchRecords, whole)],
      [name, '', 'MB', ...distribution(batchBytes, megabytes)],
    ]),
  ]
}

function cacheTable(caches: SyncReport['snapshot']['caches']): Table {
  return [
    ['cache', 'hits', 'misses', 'hit rate', 'evictions', 'entries', 'MB'],
    ...Object.entries(caches).map(([name, { hits, misses, hitRate, evictions, entries, bytes }]) => [
      name,
      whole(hits),
      whole(misses),
      percent(hitRate),
      whole(evictions),
      whole(entries),
      megabytes(bytes),
    ]),
  ]
}

function resourceTable(used: SyncReport['snapshot']['resources']): Table {
  const { threadCpuSeconds, threadCpuCores = 0, peakThreadCpuCores = 0 } = used
  return [
    ['', 'now', 'peak', 'in all'],
    ['CPU, cores', short(used.cpuCores), short(used.peakCpuCores), `${short(used.cpuSeconds)} s`],
    ...(threadCpuSeconds === undefined
      ? []
      : [['  of its thread', short(threadCpuCores), short(peakThreadCpuCores), `${short(threadCpuSeconds)} s`]]),
    ['memory, MB', megabytes(used.rssBytes), megabytes(used.peakRssBytes), ''],
    ['  JavaScript', megabytes(used.heapBytes), megabytes(used.peakHeapBytes), ''],
  ]
}

function runTable(runs: readonly RunReport[]): Table {
  return [
    [
      'sync',
      'began',
      'state',
      'seconds',
      'records',
      'a second',
      'CPU s',
      'peak MB',
      'records a second, from beginning to end',
    ],
    ...runs.map(run => [
      run.sync,
      instant(run.startedAt),
      run.code === undefined ? run.state : `${run.state}: ${run.code}`,
      short(run.durationMs / 1000),
      whole(run.processed),
      whole(run.recordsPerSecond),
      short(run.cpuSeconds),
      megabytes(run.peakRssBytes),
      chart(run.samples),
    ]),
  ]
}

const heights = '▁▂▃▄▅▆▇█'

/** Records a second over the run's time, relative to the most. */
function chart(samples: readonly RunSample[]): string {
  const lengthMs = samples.at(-1)?.elapsedMs ?? 0
  if (lengthMs === 0) return ''
  const columns = Math.min(chartWidth, samples.length - 1)
  const until = Array.from({ length: columns + 1 }, (_, column) => processedAt(samples, (lengthMs * column) / columns))
  const done = until.slice(1).map((processed, column) => processed - until[column]!)
  const most = Math.max(...done)
  return done.map(count => heights[most === 0 ? 0 : Math.round((count / most) * (heights.length - 1))]).join('')
}

/** Interpolated between two samples. */
function processedAt(samples: readonly RunSample[], elapsedMs: number): number {
  const index = samples.findIndex(sample => sample.elapsedMs >= elapsedMs)
  const [before, after] = [samples[Math.max(0, index - 1)]!, samples[index]!]
  const spanMs = after.elapsedMs - before.elapsedMs
  const share = spanMs === 0 ? 1 : (elapsedMs - before.elapsedMs) / spanMs
  return before.processed + share * (after.processed - before.processed)
}

function distribution(figures: DistributionFigures, format: (value: number) => string): string[] {
  const { count, mean, p50, p95, p99, max } = figures
  return [whole(count), ...[mean, p50, p95, p99, max].map(format)]
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function short(value: number): string {
  if (value === 0) return '0'
  return value >= 1000 ? whole(value) : value >= 1 ? value.toFixed(1) : value.toPrecision(2)
}

function megabytes(bytes: number): string {
  return (bytes / megabyte).toFixed(1)
}

function percent(rate: number): string {
  return `${(rate * 100).toFixed(2)}%`
}

function instant(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
