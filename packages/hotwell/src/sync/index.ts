export { createSync, type RunOptions, type Sync, type SyncOptions, type SyncStrategy } from './create-sync.ts'
export type { DeleteGuard } from './engine/delete-absent.ts'
export type { PatienceOptions } from './engine/patience.ts'
export type { RecordMapping } from './engine/prepare.ts'
export type { RunProgress } from './engine/progress.ts'
export type { SyncPart } from './engine/run-part.ts'
export type { RunPhase } from './engine/run-sync.ts'
export type { Counts } from './engine/sync-state.ts'
export { compareIds } from './model/compare-ids.ts'
export type { SyncFilter } from './model/filter.ts'
export type { AttributeChange, AttributeValue, Element, JsonValue, Relation, SyncRecord } from './model/record.ts'
export type {
  AttributeRow,
  Batch,
  DeadLetter,
  ElementRow,
  RecordKind,
  RelationRow,
} from './model/rows.ts'
export type { ReadRequest, Source, SourcePage, UnreadableRecord } from './source.ts'
export type { BatchWritten, PageRead, SyncEvents } from './sync-events.ts'
export type { RunState, RunStats } from './sync-stats.ts'
export type {
  Applied,
  Claim,
  IdRange,
  OwnElement,
  OwnRelation,
  SeenKeys,
  StagedRow,
  Target,
  TargetConnection,
  TargetTransaction,
} from './target.ts'
export type { Difference, Verification, VerifyOptions } from './verify/verify-sync.ts'
