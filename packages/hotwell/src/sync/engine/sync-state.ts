import { hash } from 'node:crypto'
import { canonicalJson } from '../model/canonical-json.ts'
import type { SyncFilter } from '../model/filter.ts'
import { hashVersion } from '../model/record-hash.ts'
import type { Source } from '../source.ts'
import { runLane } from '../target.ts'

/** What a reading has brought so far. An element, an attribute change and a relation each count as one. */
export interface Counts {
  read: number
  inserted: number
  updated: number
  unchanged: number
  deleted: number
  /** In the dead letters. */
  failed: number
  /** Not what the filter asks for. */
  filtered: number
  /** Relations one of whose ends was missing when they came. */
  pending: number
}

export const noCounts: Counts = {
  read: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  failed: 0,
  filtered: 0,
  pending: 0,
}

export function addCounts(one: Counts, other: Partial<Counts>): Counts {
  const sum = { ...one }
  for (const name in other) sum[name as keyof Counts] += other[name as keyof Counts] ?? 0
  return sum
}

/** What is saved for the run itself. */
export interface RunState {
  /** Of what is read and how: see {@link fingerprintOf}. */
  readonly fingerprint: string
  /** Numbers the readings of the whole source; a run that is resumed goes on with its own. */
  readonly pass: number
  readonly phase: 'reading' | 'deleting' | 'done'
  readonly mode: 'full' | 'incremental'
  readonly lanes: number
  /** Nothing of this sync was there when the pass began: nothing of it can be gone at the source. */
  readonly isFirst?: boolean
  /** Incremental: only what was modified then or later is read; wall clock, ms. */
  readonly fromAt?: number
  /** The latest `modifiedAt` of all readings that were completed; wall clock, ms. */
  readonly latestAt?: number
  /** The latest full reading that was completed; 0: none. */
  readonly fullPass: number
  /** When it was begun; wall clock, ms. */
  readonly fullAt?: number
  /** What that one was of. */
  readonly fullFingerprint?: string
  /** So many circles of owners the latest full run found. */
  readonly cycles?: number
  /** When the present pass was begun; wall clock, ms. */
  readonly begunAt: number
}

/** What is saved for a lane, in the transaction of the data that it covers. */
export interface LaneState {
  readonly pass: number
  /** All of this lane's records up to this page are written; 0: none. */
  readonly page: number
  /** The source's position behind that page. */
  readonly position?: string
  /** Of all records of all pages up to that one, whatever their lane. */
  readonly digest: string
  /** Cumulative since the pass began. */
  readonly counts: Counts
  /** The latest `modifiedAt` so far; wall clock, ms. */
  readonly latestAt?: number
  /** Only of lane 0. */
  readonly order?: OrderState
}

/** How far the elements came in the order of their ids. */
export interface OrderState {
  /** The last id that is covered by ranges: what the target has up to it and the pages had not is staged. */
  readonly throughId?: string
  /** Pages up to this one are covered by ranges; behind it, all that is seen is kept. Absent: all so far. */
  readonly throughPage?: number
  /** A record came whose id nobody could read: nothing may be deleted for not having been met. */
  readonly isBlind?: boolean
}

export function runState(saved: ReadonlyMap<number, string>): RunState | undefined {
  const text = saved.get(runLane)
  return text ? (JSON.parse(text) as RunState) : undefined
}

/** Positions are of no use for anything that differs in this. */
export function fingerprintOf(source: Source, filter: SyncFilter, mapping: string): string {
  const parts = canonicalJson([source.name, source.identity, filter, mapping, hashVersion])
  return hash('sha256', parts, 'base64url').slice(0, 22)
}
