import type { Clock } from '../../core/clock.ts'
import type { SyncFilter } from '../model/filter.ts'
import type { Source, SourcePage } from '../source.ts'
import type { AbsentDeleted, BatchFailed, BatchWritten } from '../sync-events.ts'
import type { TargetConnection } from '../target.ts'
import type { DeleteGuard } from './delete-absent.ts'
import type { Patience } from './patience.ts'
import type { RecordMapping } from './prepare.ts'
import type { PassOptions } from './read-pass.ts'
import type { Counts } from './sync-state.ts'

export interface RunContext {
  readonly source: Source
  readonly connection: TargetConnection
  readonly clock: Clock
  readonly filter: SyncFilter
  readonly map: RecordMapping | undefined
  /** Tells mappings apart; a run does not go on where one with another mapping was. */
  readonly mapping: string
  readonly mode: 'full' | 'incremental'
  readonly lanes: number
  readonly options: CopyOptions
  readonly deletes: boolean
  readonly guard: DeleteGuard
  readonly allowDeletes: boolean
  readonly patience: Patience
  readonly signal: AbortSignal
  readonly turn: (pausing?: () => void) => Promise<void>
  readonly run: string
  readonly told: RunListener
}

/** How a run reads and writes. */
interface CopyOptions extends PassOptions {
  readonly maxRecordBytes: number
  readonly overlapMs: number
  readonly fullEveryMs: number
  readonly continueOnError: boolean
}

/** Hears how a run is getting on. */
export interface RunListener {
  phase(phase: RunPhase): void
  arrived(page: SourcePage, times: { readMs: number; prepareMs: number }): void
  wrote(written: BatchWritten, pending: number): void
  failed(failed: BatchFailed): void
  deleted(deleted: AbsentDeleted): void
  /** What an earlier process has brought already. */
  resumed(counts: Counts): void
}

export type RunPhase = 'claiming' | 'reading' | 'relations' | 'deleting'
