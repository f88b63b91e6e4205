import { type Clock, createSystemClock } from '../core/clock.ts'
import type { Sync } from '../sync/create-sync.ts'
import type { SyncEvents } from '../sync/sync-events.ts'
import { type SyncAnomaly, SyncAnomalyWatch } from './sync-anomalies.ts'
import { SyncBook, type SyncCounters } from './sync-book.ts'
import { type CacheCounts, type CountedCache, SyncCaches } from './sync-caches.ts'
import { syncReportText } from './sync-report.ts'
import { processUsage, type ResourceFigures, type ResourceUsage, ResourceWatch } from './sync-resources.ts'
import { RunWatch } from './sync-run-watch.ts'
import type { RunReport, SyncMonitorSnapshot, SyncReport } from './sync-snapshot.ts'
import type { SyncTally } from './sync-tally.ts'

export interface SyncMonitorOptions {
  clock?: Clock
  /** So many runs that have ended are kept with their samples. @default 100 */
  keepRuns?: number
  /** @default 30 */
  keepDays?: number
  /** What is used so far. @default by this process and the thread that makes the monitor */
  usage?: () => ResourceUsage
  /** Called with every run that has ended, for who keeps them longer. What it throws hurts nobody. */
  onRun?: (run: RunReport) => void
}

/** What a monitor listens to: a `Sync`, or what stands for one in another thread. */
export type WatchedSync = Pick<Sync, 'name' | 'on'>

/** Plain figures that cost little, read at every scrape. */
export interface SyncMonitorCounters {
  readonly syncs: Readonly<Record<string, SyncCounters>>
  readonly caches: Readonly<Record<string, CacheCounts>>
  readonly resources: ResourceFigures
  readonly anomalies: readonly SyncAnomaly[]
}

/** Watches syncs by their events: how fast, how well, with what; and what is unusual. It has no timer. */
export interface SyncMonitor {
  /**
   * Listens until the function that it returns is called; the figures stay. Counts the runs that begin from then on,
   * those of several syncs of one name together. A sync that is watched already is not counted twice.
   */
  watch(sync: WatchedSync): () => void
  /** Shows the counts of a cache, or of several under one name, until the function that it returns is called. */
  watchCache(name: string, cache: CountedCache): () => void
  snapshot(): SyncMonitorSnapshot
  /** What `registerSyncMetrics` reads. */
  counters(): SyncMonitorCounters
  anomalies(): readonly SyncAnomaly[]
  /** Those that have ended, the latest first, with their samples. */
  runs(): readonly RunReport[]
  report(): SyncReport
  /** Begins to count anew. What runs goes on running, and its report will be of all of it. */
  reset(): void
}

export function createSyncMonitor(options: SyncMonitorOptions = {}): SyncMonitor {
  return new Monitor(options)
}

const dayMs = 86_400_000

type Ended = SyncEvents['run.finished'] & { readonly code?: string }

class Monitor implements SyncMonitor {
  readonly #clock: Clock
  readonly #keepRuns: number
  readonly #keepMs: number
  readonly #onRun: (run: RunReport) => void
  readonly #resources: ResourceWatch
  readonly #caches = new SyncCaches()
  readonly #watched = new Map<WatchedSync, () => void>()
  readonly #running = new Set<RunWatch>()
  readonly #books = new Map<string, SyncBook>()
  readonly #anomalies = new Map<string, SyncAnomalyWatch>()
  #all: SyncBook
  #sinceAt: number
  /** The latest last. */
  #runs: RunReport[] = []

  constructor({ clock = createSystemClock(), keepRuns = 100, keepDays = 30, usage, onRun }: SyncMonitorOptions) {
    this.#clock = clock
    this.#keepRuns = keepRuns
    this.#keepMs = keepDays * dayMs
    this.#onRun = onRun ?? (() => {})
    this.#resources = new ResourceWatch(usage ?? processUsage, clock.monotonic())
    this.#all = new SyncBook(clock)
    this.#sinceAt = clock.now()
  }

  watch(sync: WatchedSync): () => void {
    const known = this.#watched.get(sync)
    if (known) return known
    /** Only of these is it known when they began; a comparison of both sides, which is no run, is never among them. */
    const heard = new Map<string, RunWatch>()
    const own = <Told extends { run: string }>(listener: (told: Told, run: RunWatch) => void) => {
      return (told: Told) => {
        const run = heard.get(told.run)
        if (run) listener(told, run)
      }
    }
    const ends = own<Ended>((told, run) => {
      heard.delete(told.run)
      this.#ended(told, run)
    })
    const listening = [
      sync.on('run.started', told => void heard.set(told.run, this.#began(told))),
      sync.on(
        'page.read',
        own((told, run) => this.#page(told, run)),
      ),
      sync.on(
        'batch.written',
        own((told, run) => this.#batch(told, run)),
      ),
      sync.on(
        'batch.failed',
        own((_, run) => run.failedBatch()),
      ),
      sync.on(
        'absent.deleted',
        own(({ elements, relations }, run) => run.deletedAbsent(elements + relations)),
      ),
      sync.on(
        'run.waiting',
        own((told, run) => this.#waiting(told, run)),
      ),
      sync.on('run.finished', ends),
      sync.on('run.failed', ends),
    ]
    const unwatch = () => {
      if (!this.#watched.delete(sync)) return
      for (const stop of listening) stop()
      for (const run of heard.values()) this.#left(run)
    }
    this.#watched.set(sync, unwatch)
    return unwatch
  }

  watchCache(name: string, cache: CountedCache): () => void {
    return this.#caches.watch(name, cache)
  }

  snapshot(): SyncMonitorSnapshot {
    return {
      sinceAt: this.#sinceAt,
      takenAt: this.#clock.now(),
      ...this.#all.figures(this.#talliesOf()),
      syncs: this.#bySync((book, running) => book.figures(running)),
      caches: this.#caches.counts(),
      resources: this.#resources.figures(this.#clock.monotonic()),
    }
  }

  counters(): SyncMonitorCounters {
    return {
      syncs: this.#bySync((book, running) => book.counters(running)),
      caches: this.#caches.counts(),
      resources: this.#resources.figures(this.#clock.monotonic()),
      anomalies: this.anomalies(),
    }
  }

  anomalies(): readonly SyncAnomaly[] {
    return [...this.#anomalies.values()].flatMap(watch => watch.current())
  }

  runs(): readonly RunReport[] {
    this.#forgetRuns()
    return this.#runs.toReversed()
  }

  report(): SyncReport {
    const content = { snapshot: this.snapshot(), anomalies: this.anomalies(), runs: this.runs() }
    return { text: syncReportText(content), ...content }
  }

  reset(): void {
    this.#books.clear()
    this.#anomalies.clear()
    this.#runs = []
    this.#resources.reset()
    this.#all = new SyncBook(this.#clock)
    this.#sinceAt = this.#clock.now()
    for (const run of this.#running) {
      run.reset()
      for (const book of this.#booksOf(run.sync)) book.began()
    }
  }

  #began({ sync, run }: SyncEvents['run.started']): RunWatch {
    const now = this.#clock.monotonic()
    const usage = this.#resources.look(now, true)
    const watch = new RunWatch({ sync, run, startedAt: this.#clock.now(), beganMs: now, usage })
    this.#running.add(watch)
    for (const book of this.#booksOf(sync)) book.began()
    return watch
  }

  #page(page: SyncEvents['page.read'], run: RunWatch): void {
    const now = this.#clock.monotonic()
    run.page(page)
    this.#anomaliesOf(page.sync).page(now, page)
    this.#sample(now, run)
  }

  #batch(batch: SyncEvents['batch.written'], run: RunWatch): void {
    const now = this.#clock.monotonic()
    run.batch(batch)
    for (const book of this.#booksOf(batch.sync)) book.batch(now, batch)
    this.#anomaliesOf(batch.sync).batch(now, batch)
    this.#sample(now, run)
  }

  #waiting({ sync, until }: SyncEvents['run.waiting'], run: RunWatch): void {
    for (const book of this.#booksOf(sync)) book.waiting(until)
    this.#sample(this.#clock.monotonic(), run)
  }

  #ended({ sync, stats, code }: Ended, run: RunWatch): void {
    const now = this.#clock.monotonic()
    this.#running.delete(run)
    const durationMs = run.durationMs(now)
    run.sample(now, this.#resources.look(now, this.#running.size > 0))
    for (const book of this.#booksOf(sync)) book.ended(stats.state, run.tally, durationMs)
    this.#keep(run.report(now, stats, code))
  }

  #left(run: RunWatch): void {
    this.#running.delete(run)
    const now = this.#clock.monotonic()
    this.#resources.look(now, this.#running.size > 0)
    for (const book of this.#booksOf(run.sync)) book.left(run.tally, run.durationMs(now))
  }

  #sample(now: number, run: RunWatch): void {
    if (run.isDue(now)) run.sample(now, this.#resources.look(now, true))
  }

  #keep(run: RunReport): void {
    this.#runs.push(run)
    this.#forgetRuns()
    try {
      this.#onRun(run)
    } catch {
      // Whoever is told must not end what tells.
    }
  }

  #forgetRuns(): void {
    const oldest = this.#clock.now() - this.#keepMs
    const kept = this.#runs.filter(({ startedAt, durationMs }) => startedAt + durationMs >= oldest)
    this.#runs = kept.slice(Math.max(0, kept.length - this.#keepRuns))
  }

  #bySync<Figures>(read: (book: SyncBook, running: SyncTally[]) => Figures): Record<string, Figures> {
    return Object.fromEntries([...this.#books].map(([sync, book]) => [sync, read(book, this.#talliesOf(sync))]))
  }

  /** Of what runs, of one sync or of all. */
  #talliesOf(sync?: string): SyncTally[] {
    return [...this.#running].filter(run => sync === undefined || run.sync === sync).map(({ tally }) => tally)
  }

  /** Its own, and that of all. */
  #booksOf(sync: string): readonly SyncBook[] {
    let book = this.#books.get(sync)
    if (!book) this.#books.set(sync, (book = new SyncBook(this.#clock)))
    return [book, this.#all]
  }

  #anomaliesOf(sync: string): SyncAnomalyWatch {
    let watch = this.#anomalies.get(sync)
    if (!watch) this.#anomalies.set(sync, (watch = new SyncAnomalyWatch(sync, this.#clock)))
    return watch
  }
}
