import type { RunState } from '../sync/sync-stats.ts'
import type { SyncAnomaly } from './sync-anomalies.ts'
import type { CacheCounts } from './sync-caches.ts'
import type { DistributionFigures } from './sync-distribution.ts'
import type { ResourceFigures } from './sync-resources.ts'
import type { RunSample } from './sync-run-samples.ts'

/** Counts of records and transactions. */
export interface WorkCounts {
  /** Records that came from the source. */
  readonly read: number
  /** Records whose transaction has committed, whatever became of them. */
  readonly processed: number
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly deleted: number
  /** In the dead letters. */
  readonly failed: number
  /** About, as they were written. */
  readonly bytes: number
  /** That have committed. */
  readonly transactions: number
  /** How often one was begun. */
  readonly attempts: number
}

/** What was done and how long it took. Rates are 0 to 1, times are in ms. */
export interface WorkFigures extends WorkCounts {
  /** Failed among the processed records; 0 before the first. */
  readonly errorRate: number
  /** Committed among the begun transactions; 1 before the first. */
  readonly transactionSuccessRate: number
  /** Records of one transaction. */
  readonly batchRecords: DistributionFigures
  /** Bytes of one transaction, about. */
  readonly batchBytes: DistributionFigures
  readonly stages: Readonly<Record<SyncStage, DistributionFigures>>
}

/**
 * `readMs`: waiting for a page of the source. `prepareMs`: checking, filtering, mapping, hashing a page. `delayMs`: how
 * long the first record of a batch waited for its transaction. `writeMs`: the transaction, its retries included.
 */
export const syncStages = ['readMs', 'prepareMs', 'delayMs', 'writeMs'] as const
export type SyncStage = (typeof syncStages)[number]

/** Over the last minutes, or since the beginning where that is shorter. */
export interface SyncMovingFigures {
  readonly recordsPerSecond: number
  readonly errorRate: number
}

export interface ThroughputFigures {
  /** Processed over the last ten seconds, or since the run began where that is shorter; a second at least. */
  readonly recordsPerSecond: number
  /** The most that {@link recordsPerSecond} was; a run of 0.1 s or more that was shorter than that counts as a whole. */
  readonly peakRecordsPerSecond: number
  readonly bytesPerSecond: number
  readonly movingAverages: {
    readonly oneMinute: SyncMovingFigures
    readonly fiveMinutes: SyncMovingFigures
    readonly fifteenMinutes: SyncMovingFigures
  }
}

export interface RunCounts {
  readonly running: number
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  /** Times that a run waited for its source or target to answer again: soon, or every now and then. */
  readonly waits: { readonly retry: number; readonly paused: number }
  /** Wall clock, ms. */
  readonly lastCompletedAt?: number
}

/** Since the monitor was made, or its last reset. */
export interface SyncFigures extends WorkFigures, ThroughputFigures {
  readonly runs: RunCounts
}

/** The figures of all syncs taken together, and of each. */
export interface SyncMonitorSnapshot extends SyncFigures {
  /** Wall clock, ms: the beginning, or the last reset. */
  readonly sinceAt: number
  /** Wall clock, ms. */
  readonly takenAt: number
  /** By the sync's name. */
  readonly syncs: Readonly<Record<string, SyncFigures>>
  /** By the name that each was handed over with. */
  readonly caches: Readonly<Record<string, CacheCounts>>
  readonly resources: ResourceFigures
}

/** A run that has ended, and how it went. */
export interface RunReport extends WorkFigures {
  readonly sync: string
  readonly run: string
  readonly state: RunState
  readonly mode: 'full' | 'incremental' | 'part'
  /** Why it did not complete. */
  readonly code?: string
  /** Wall clock, ms. */
  readonly startedAt: number
  readonly durationMs: number
  /** Over the whole run; what an earlier process brought does not count. */
  readonly recordsPerSecond: number
  /** Of the whole process meanwhile. */
  readonly cpuSeconds: number
  readonly peakRssBytes: number
  /** From its beginning to its end. */
  readonly samples: readonly RunSample[]
}

/** The same for people and for programs. */
export interface SyncReport {
  /** Tables with aligned columns. */
  readonly text: string
  readonly snapshot: SyncMonitorSnapshot
  readonly anomalies: readonly SyncAnomaly[]
  /** The latest first. */
  readonly runs: readonly RunReport[]
}
