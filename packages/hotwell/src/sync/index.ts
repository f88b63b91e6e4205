export {
  BatchBuffer,
  type BatchBufferOptions,
} from './batch/batch-buffer.ts'
export {
  type BatchLoader,
  BatchReader,
  type BatchReaderOptions,
  type BatchReaderStats,
  type ReadItem,
} from './batch/batch-reader.ts'
export { BatchTransaction, type Committed } from './batch/batch-transaction.ts'
export type { BatchBufferStats, Distribution, FlushReason } from './batch/buffer-counts.ts'
export type { RecordBatch } from './batch/collected-records.ts'
export {
  type CacheLimits,
  ElementCache,
  type ElementCacheOptions,
  type ElementCacheStats,
} from './cache/element-cache.ts'
export {
  type CacheLoader,
  ReadThroughCache,
  type ReadThroughCacheOptions,
  type ReadThroughCacheStats,
} from './cache/read-through-cache.ts'
export {
  createSync,
  type DeadLetterOptions,
  type RunOptions,
  type Sync,
  type SyncOptions,
  type SyncStrategy,
} from './create-sync.ts'
export { rowOf as elementRow } from './engine/batch-builder.ts'
export type { DeleteGuard } from './engine/delete-absent.ts'
export type { PatienceOptions } from './engine/patience.ts'
export type { RecordMapping } from './engine/prepare.ts'
export type { RunProgress } from './engine/progress.ts'
export type { RunPhase } from './engine/run-context.ts'
export type { SyncPart } from './engine/run-part.ts'
export type { Counts } from './engine/sync-state.ts'
export type { LastRun } from './last-run.ts'
export { compareIds } from './model/compare-ids.ts'
export type { SyncFilter } from './model/filter.ts'
export type { AttributeChange, AttributeValue, Element, JsonValue, Relation, SyncRecord } from './model/record.ts'
export type {
  AttributeRow,
  Batch,
  DeadLetter,
  DeadLetterKey,
  ElementRow,
  RecordKind,
  RelationRow,
} from './model/rows.ts'
export type { ReadRequest, Source, SourcePage, UnreadableRecord } from './source.ts'
export type { AbsentDeleted, BatchFailed, BatchWritten, PageRead, SyncEvents } from './sync-events.ts'
export type { RunState, RunStats } from './sync-stats.ts'
export {
  type Applied,
  type Claim,
  type IdRange,
  type OwnContent,
  type OwnElement,
  type OwnRelation,
  runLane,
  type SeenKeys,
  type StagedRow,
  type Target,
  type TargetConnection,
  type TargetTransaction,
} from './target.ts'
export type { Difference } from './verify/differences.ts'
export type { Verification, VerifyOptions } from './verify/verify-sync.ts'
