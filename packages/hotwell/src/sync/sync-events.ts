import type { RunStats } from './sync-stats.ts'

interface OfRun {
  readonly sync: string
  readonly run: string
}

/** What a sync tells. Events only tell: a listener that throws hurts nobody. */
export interface SyncEvents {
  'run.started': OfRun
  'run.finished': OfRun & { readonly stats: RunStats }
  /** It failed, or was ended. */
  'run.failed': OfRun & { readonly stats: RunStats; readonly code: string; readonly message: string }
  /** Source or target fail; it is tried again soon (`retry`), or every now and then (`paused`). */
  'run.waiting': OfRun & { readonly until: 'retry' | 'paused'; readonly code: string; readonly message: string }
  'page.read': OfRun & PageRead
  'batch.written': OfRun & BatchWritten
  /** A transaction was rolled back. It is begun again, unless the run ends. */
  'batch.failed': OfRun & BatchFailed
  /** Rows that a complete reading had not met were deleted, in one transaction. */
  'absent.deleted': OfRun & AbsentDeleted
}

export interface PageRead {
  readonly records: number
  /** How long the source took for it, beyond what was read ahead, in ms. */
  readonly readMs: number
  /** Checking, filtering, mapping, hashing, in ms. */
  readonly prepareMs: number
}

export interface BatchFailed {
  readonly lane: number
  readonly records: number
  /** 1: it was begun for the first time. */
  readonly attempt: number
  readonly code: string
  readonly message: string
}

export interface AbsentDeleted {
  readonly elements: number
  readonly relations: number
  /** In ms. */
  readonly writeMs: number
}

/** One transaction. */
export interface BatchWritten {
  readonly lane: number
  readonly records: number
  /** About. */
  readonly bytes: number
  /** How long its first record waited until the transaction began, in ms. */
  readonly delayMs: number
  /** The transaction, with those that failed before it and the pauses in between, in ms. */
  readonly writeMs: number
  /** How often it was begun. */
  readonly attempts: number
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly deleted: number
  /** In the dead letters. */
  readonly failed: number
}
