import type { BenchmarkResult } from './harness/result.ts'

export interface Benchmark {
  readonly about: string
  /** It is ended when it takes longer. */
  readonly timeoutSeconds: number
  run(): Promise<BenchmarkResult>
}

/** All benchmarks, each loaded only when it runs: what one imports must not slow another one down. */
export const benchmarks: Readonly<Record<string, Benchmark>> = {
  'token-get': {
    about: 'a cached token: get() and peek() beside the await floor, Map and five clients',
    timeoutSeconds: 300,
    run: async () => (await import('./token-get/token-get.ts')).tokenGet(),
  },
  stampede: {
    about: '10,000 callers and one expired token',
    timeoutSeconds: 300,
    run: async () => (await import('./stampede/stampede.ts')).stampede(),
  },
  preheat: {
    about: '10,000 tokens for a simulated day, against polling and against no preheating',
    timeoutSeconds: 600,
    run: async () => (await import('./preheat/preheat.ts')).preheat(),
  },
  http: {
    about: 'CPU of a token over HTTP beside bare node:http',
    timeoutSeconds: 300,
    run: async () => (await import('./http/http.ts')).http(),
  },
  loop: {
    about: 'P99 of a token request beside history, a process that stands still, and a sync at full speed',
    timeoutSeconds: 600,
    run: async () => (await import('./loop/loop.ts')).loop(),
  },
  history: {
    about: 'records a second into SQLite, beside one INSERT a record',
    timeoutSeconds: 300,
    run: async () => (await import('./history/history.ts')).history(),
  },
  monitoring: {
    about: 'what metrics, monitor and alerts cost of an acquisition, with and without',
    timeoutSeconds: 300,
    run: async () => (await import('./monitoring/monitoring.ts')).monitoring(),
  },
  'sync-sqlite': {
    about: 'rows a second into SQLite, beside one raw transaction, and from a JSONL file',
    timeoutSeconds: 600,
    run: async () => (await import('./sync-sqlite/sync-sqlite.ts')).syncSqlite(),
  },
  'sync-postgres': {
    about: 'rows a second into PostgreSQL, beside one raw COPY, and from a JSONL file; batches beside single records',
    timeoutSeconds: 900,
    run: async () => (await import('./sync-postgres/sync-postgres.ts')).syncPostgres(),
  },
  gate: {
    about: 'the gate: passing it uncontended, 100,000 waiters, and what it takes to wake one of them',
    timeoutSeconds: 300,
    run: async () => (await import('./gate/gate.ts')).gate(),
  },
  'sync-cache': {
    about: 'an element from the cache beside one from SQLite, and hit rates under Zipf access',
    timeoutSeconds: 300,
    run: async () => (await import('./sync-cache/sync-cache.ts')).syncCache(),
  },
  'sync-batch': {
    about: 'batches of 10 to 5,000 into SQLite beside single records',
    timeoutSeconds: 300,
    run: async () => (await import('./sync-batch/sync-batch.ts')).syncBatch(),
  },
  'sync-filters': {
    about: 'what each filter costs a record, beside no filter',
    timeoutSeconds: 300,
    run: async () => (await import('./sync-filters/sync-filters.ts')).syncFilters(),
  },
  adaptive: {
    about: 'adaptive concurrency at simulated backends whose capacity changes, beside three published rules',
    timeoutSeconds: 600,
    run: async () => (await import('./adaptive/adaptive.ts')).adaptive(),
  },
  executor: {
    about: 'the executor: I/O tasks of 50 ms at any number of slots, and what a task costs by itself',
    timeoutSeconds: 300,
    run: async () => (await import('./executor/executor.ts')).executor(),
  },
  'sync-monitoring': {
    about: 'what a monitor costs of a run from JSONL to SQLite, with and without',
    timeoutSeconds: 600,
    run: async () => (await import('./sync-monitoring/sync-monitoring.ts')).syncMonitoring(),
  },
}
