import type { BatchWritten, PageRead } from '../sync/sync-events.ts'
import { type BucketCounts, SyncDistribution } from './sync-distribution.ts'
import { type SyncStage, syncStages, type WorkCounts, type WorkFigures } from './sync-snapshot.ts'

/** Upper bounds of the buckets of a stage, in ms: from a page that was read ahead to a target that was away. */
export const stageBoundsMs: readonly number[] = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000,
]
export const batchBoundsRecords: readonly number[] = [1, 10, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]

/**
 * What pages and transactions came to. Recorded once, for the run; those of a sync and of all are merged when somebody
 * looks, because transactions may be small and many.
 */
export class SyncTally {
  readonly #counts = {
    read: 0,
    processed: 0,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    deleted: 0,
    failed: 0,
    bytes: 0,
    transactions: 0,
    attempts: 0,
  }
  readonly #batchRecords = new SyncDistribution(batchBoundsRecords)
  readonly #batchBytes = new SyncDistribution()
  readonly #stages: Readonly<Record<SyncStage, SyncDistribution>> = {
    readMs: new SyncDistribution(stageBoundsMs),
    prepareMs: new SyncDistribution(stageBoundsMs),
    delayMs: new SyncDistribution(stageBoundsMs),
    writeMs: new SyncDistribution(stageBoundsMs),
  }

  page({ records, readMs, prepareMs }: PageRead): void {
    this.#counts.read += records
    // The pages of a part are told without their times.
    if (readMs === 0 && prepareMs === 0) return
    this.#stages.readMs.record(readMs)
    this.#stages.prepareMs.record(prepareMs)
  }

  batch(batch: BatchWritten): void {
    const { records, bytes, delayMs, writeMs } = batch
    const counts = this.#counts
    counts.processed += records
    counts.inserted += batch.inserted
    counts.updated += batch.updated
    counts.unchanged += batch.unchanged
    counts.deleted += batch.deleted
    counts.failed += batch.failed
    counts.bytes += bytes
    counts.transactions++
    counts.attempts++
    this.#batchRecords.record(records)
    this.#batchBytes.record(bytes)
    this.#stages.delayMs.record(delayMs)
    this.#stages.writeMs.record(writeMs)
  }

  /** A transaction was rolled back. */
  failedBatch(): void {
    this.#counts.attempts++
  }

  /** Besides what batches told: what a complete reading had not met. */
  deletedAbsent(records: number): void {
    this.#counts.deleted += records
  }

  merge(other: SyncTally): this {
    for (const name of Object.keys(this.#counts) as (keyof WorkCounts)[]) this.#counts[name] += other.#counts[name]
    this.#batchRecords.merge(other.#batchRecords)
    this.#batchBytes.merge(other.#batchBytes)
    for (const stage of syncStages) this.#stages[stage].merge(other.#stages[stage])
    return this
  }

  get processed(): number {
    return this.#counts.processed
  }

  counts(): WorkCounts {
    return { ...this.#counts }
  }

  /** Of the stages and of the records of a transaction. */
  distributions(): { stages: Record<SyncStage, BucketCounts>; batchRecords: BucketCounts } {
    const { readMs, prepareMs, delayMs, writeMs } = this.#stages
    return {
      stages: {
        readMs: readMs.counted(),
        prepareMs: prepareMs.counted(),
        delayMs: delayMs.counted(),
        writeMs: writeMs.counted(),
      },
      batchRecords: this.#batchRecords.counted(),
    }
  }

  figures(): WorkFigures {
    const counts = this.counts()
    const { readMs, prepareMs, delayMs, writeMs } = this.#stages
    return {
      ...counts,
      errorRate: errorRate(counts.failed, counts.processed),
      transactionSuccessRate: counts.attempts === 0 ? 1 : counts.transactions / counts.attempts,
      batchRecords: this.#batchRecords.figures(),
      batchBytes: this.#batchBytes.figures(),
      stages: {
        readMs: readMs.figures(),
        prepareMs: prepareMs.figures(),
        delayMs: delayMs.figures(),
        writeMs: writeMs.figures(),
      },
    }
  }
}

/** A line that is no record at all may fail without being counted as one. */
export function errorRate(failed: number, processed: number): number {
  return failed === 0 ? 0 : failed / Math.max(failed, processed)
}
