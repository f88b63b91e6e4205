import type { BatchWritten, PageRead } from '../sync/sync-events.ts'
import type { RunStats } from '../sync/sync-stats.ts'
import type { ResourceUsage } from './sync-resources.ts'
import { RunSamples } from './sync-run-samples.ts'
import type { RunReport, WorkCounts } from './sync-snapshot.ts'
import { SyncTally } from './sync-tally.ts'

interface RunBeginning {
  readonly sync: string
  readonly run: string
  /** Wall clock, ms. */
  readonly startedAt: number
  /** The same instant, monotonic. */
  readonly beganMs: number
  readonly usage: ResourceUsage
}

/** A run from when it was heard to begin until it ends. */
export class RunWatch {
  readonly #beginning: RunBeginning
  /** What was done before the last reset. */
  #former: SyncTally | undefined
  #tally = new SyncTally()
  readonly #samples = new RunSamples()
  #peakRssBytes = 0

  constructor(beginning: RunBeginning) {
    this.#beginning = beginning
    this.sample(beginning.beganMs, beginning.usage)
  }

  get sync(): string {
    return this.#beginning.sync
  }

  /** Since the last reset. */
  get tally(): SyncTally {
    return this.#tally
  }

  get counts(): WorkCounts {
    return this.#whole().counts()
  }

  reset(): void {
    this.#former = this.#whole()
    this.#tally = new SyncTally()
  }

  /** `now`: monotonic ms, here and below. */
  durationMs(now: number): number {
    return now - this.#beginning.beganMs
  }

  page(page: PageRead): void {
    this.#tally.page(page)
  }

  batch(batch: BatchWritten): void {
    this.#tally.batch(batch)
  }

  failedBatch(): void {
    this.#tally.failedBatch()
  }

  deletedAbsent(records: number): void {
    this.#tally.deletedAbsent(records)
  }

  isDue(now: number): boolean {
    return this.#samples.isDue(this.durationMs(now))
  }

  sample(now: number, { cpuSeconds, rssBytes, heapBytes }: ResourceUsage): void {
    const { processed, failed, bytes } = this.counts
    this.#peakRssBytes = Math.max(this.#peakRssBytes, rssBytes)
    this.#samples.add({
      elapsedMs: this.durationMs(now),
      processed,
      failed,
      writtenBytes: bytes,
      cpuSeconds: cpuSeconds - this.#beginning.usage.cpuSeconds,
      rssBytes,
      heapBytes,
    })
  }

  /** `code`: why it did not complete. */
  report(now: number, { state, mode }: RunStats, code?: string): RunReport {
    const { sync, run, startedAt } = this.#beginning
    const figures = this.#whole().figures()
    const durationMs = this.durationMs(now)
    const samples = this.#samples.all()
    return {
      sync,
      run,
      state,
      mode,
      ...(code !== undefined && { code }),
      startedAt,
      durationMs,
      ...figures,
      recordsPerSecond: durationMs > 0 ? (figures.processed * 1000) / durationMs : 0,
      cpuSeconds: samples.at(-1)!.cpuSeconds,
      peakRssBytes: this.#peakRssBytes,
      samples,
    }
  }
  #whole(): SyncTally {
    return this.#former ? new SyncTally().merge(this.#former).merge(this.#tally) : this.#tally
  }
}
