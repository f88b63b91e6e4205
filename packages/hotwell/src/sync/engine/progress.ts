import type { Clock } from '../../core/clock.ts'
import type { SourcePage } from '../source.ts'
import type { AbsentDeleted, BatchFailed, BatchWritten, PageRead } from '../sync-events.ts'
import type { RunListener, RunPhase } from './run-context.ts'
import { addCounts, type Counts, noCounts } from './sync-state.ts'
import { messageOf } from './told-error.ts'

/** How far a run has got. */
export interface RunProgress {
  readonly phase: RunPhase
  readonly counts: Counts
  /** Records a second since the run began. */
  readonly perSecond: number
  /** 0 to 1, where the source can tell. */
  readonly share?: number
  /** In seconds, where the source can tell how much there is. */
  readonly secondsLeft?: number
  /** Why it does not go on at the moment. */
  readonly waitingFor?: string
}

/** Where it is told on, in whole. */
export interface ProgressEvents {
  pageRead(page: PageRead): void
  batchWritten(written: BatchWritten): void
  batchFailed(failed: BatchFailed): void
  absentDeleted(deleted: AbsentDeleted): void
  waiting(waiting: { error: unknown; until: 'retry' | 'paused' }): void
}

/** Sums up what a run is told of, and tells it on. */
export class Progress implements RunListener {
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #events: ProgressEvents
  readonly #listener: ((progress: RunProgress) => void) | undefined
  #phase: RunPhase = 'claiming'
  #counts: Counts = noCounts
  #read = 0
  #share: number | undefined
  #firstShare: number | undefined
  #waitingFor: string | undefined
  resumedRun = false

  constructor(clock: Clock, listener: ((progress: RunProgress) => void) | undefined, events: ProgressEvents) {
    this.#clock = clock
    this.#startedAt = clock.monotonic()
    this.#listener = listener
    this.#events = events
  }

  /** Of all that was written, by whichever process; what was read and not written yet included. */
  get counts(): Counts {
    return this.#counts
  }

  phase(phase: RunPhase): void {
    this.#phase = phase
    this.#tell()
  }

  arrived({ records, share }: SourcePage, times: { readMs: number; prepareMs: number }): void {
    this.#read += records.length
    this.#counts = addCounts(this.#counts, { read: records.length })
    this.#firstShare ??= share
    this.#share = share
    this.#events.pageRead({ records: records.length, ...times })
    this.#tell()
  }

  wrote(written: BatchWritten, pending: number): void {
    const { inserted, updated, unchanged, deleted, failed } = written
    this.#counts = addCounts(this.#counts, { inserted, updated, unchanged, deleted, pending, failed })
    this.#events.batchWritten(written)
    this.#tell()
  }

  failed(failed: BatchFailed): void {
    this.#events.batchFailed(failed)
  }

  deleted(deleted: AbsentDeleted): void {
    this.#counts = addCounts(this.#counts, { deleted: deleted.elements + deleted.relations })
    this.#events.absentDeleted(deleted)
    this.#tell()
  }

  resumed(counts: Counts): void {
    this.resumedRun = true
    this.#counts = addCounts(this.#counts, counts)
  }

  waiting(waiting: { error: unknown; until: 'retry' | 'paused' } | undefined): void {
    this.#waitingFor = waiting && messageOf(waiting.error)
    if (waiting) this.#events.waiting(waiting)
    this.#tell()
  }

  #tell(): void {
    if (!this.#listener) return
    const seconds = (this.#clock.monotonic() - this.#startedAt) / 1000
    const done = (this.#share ?? 0) - (this.#firstShare ?? 0)
    this.#listener({
      phase: this.#phase,
      counts: this.#counts,
      perSecond: seconds > 0 ? this.#read / seconds : 0,
      ...(this.#share !== undefined && { share: this.#share }),
      ...(done > 0 && { secondsLeft: (seconds / done) * (1 - this.#share!) }),
      ...(this.#waitingFor !== undefined && { waitingFor: this.#waitingFor }),
    })
  }
}
