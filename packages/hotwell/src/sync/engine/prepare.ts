import { hash } from 'node:crypto'
import { checkRecord, namedRelation, RecordError, recordKind } from '../model/check-record.ts'
import type { CompiledFilter } from '../model/filter.ts'
import { isAttributeChange, isRelation, type SyncRecord } from '../model/record.ts'
import type { DeadLetter, RecordKind, RelationRow } from '../model/rows.ts'

/** Changes a record on its way; undefined leaves it out. */
export type RecordMapping = (record: SyncRecord) => SyncRecord | undefined

export interface PrepareOptions {
  readonly filter: CompiledFilter
  readonly map?: RecordMapping
  /** In bytes of JSON. */
  readonly maxRecordBytes: number
}

/** What became of one thing that a source yielded. */
export type Prepared =
  | { readonly record: SyncRecord }
  /** It is there at the source, but not asked for. */
  | { readonly filtered: true }
  /** `id`: absent where nobody can read it. */
  | { readonly letter: DeadLetter; readonly id: string | undefined; readonly keeps: Kept }

/**
 * The row of the target that a record stands for which cannot be taken: it stays as it is, for it is not absent at the
 * source. `unknown`: it may be any.
 */
export type Kept = { readonly element: string } | { readonly relation: RelationRow } | 'nothing' | 'unknown'

const filtered: Prepared = Object.freeze({ filtered: true as const })
/** A dead letter shows a record's beginning. */
const shownCharacters = 4000
/** Of relations whose type or end may be any text. */
const longestKey = 3000
/** Everything behind this goes through values level by level. */
const deepest = 100

/** Checks, filters and maps one record. Never throws for the record's sake. */
export function prepare(given: unknown, { filter, map, maxRecordBytes }: PrepareOptions): Prepared {
  try {
    const record = checkRecord(given)
    if (!passes(record, filter)) return filtered
    const selected = selectAttributes(record, filter)
    const mapped = map ? mappedBy(map, selected) : selected
    if (!mapped) return filtered
    const bytes = bytesOf(mapped)
    if (bytes > maxRecordBytes)
      throw new RecordError(`It has about ${bytes} bytes; the most is ${maxRecordBytes}.`, idOf(mapped))
    return { record: mapped }
  } catch (error) {
    if (error instanceof RecordError) return refused(given, error, map !== undefined)
    throw error
  }
}

/** The id of the element that it is about; of a relation, where it starts. */
export function idOf(record: SyncRecord): string {
  if (isRelation(record)) return record.from
  return isAttributeChange(record) ? record.element : record.id
}

function passes(record: SyncRecord, filter: CompiledFilter): boolean {
  if (filter.isOpen) return true
  if (isRelation(record) || isAttributeChange(record)) return filter.takesId(idOf(record))
  // What is gone says no more what it was.
  return record.deleted ? filter.takesId(record.id) : filter.takes(record)
}

function selectAttributes(record: SyncRecord, filter: CompiledFilter): SyncRecord {
  if (filter.isOpen || isRelation(record)) return record
  const attributes = filter.attributes(record.attributes)
  return attributes === record.attributes ? record : ({ ...record, attributes } as SyncRecord)
}

function mappedBy(map: RecordMapping, record: SyncRecord): SyncRecord | undefined {
  let mapped: SyncRecord | undefined
  try {
    mapped = map(record)
  } catch (error) {
    throw new RecordError(`The mapping failed: ${error instanceof Error ? error.message : String(error)}`, idOf(record))
  }
  return mapped && checkRecord(mapped)
}

/** Cheap and not exact: large texts are what matters. */
function bytesOf(record: SyncRecord): number {
  if (isRelation(record)) return record.from.length + record.type.length + record.to.length
  const id = idOf(record)
  let bytes = 'name' in record ? record.name.length + record.type.length : 0
  for (const name in record.attributes) bytes += name.length + sizeOf(record.attributes[name], id, 1)
  return bytes
}

function sizeOf(value: unknown, id: string, level: number): number {
  if (level > deepest) throw new RecordError(`Its attributes are nested deeper than ${deepest} levels.`, id)
  if (typeof value === 'string') return value.length
  if (typeof value === 'bigint')
    throw new RecordError(`Its attributes hold the bigint ${value}, which JSON has no form for: give a text.`, id)
  if (typeof value !== 'object' || value === null) return 8
  let size = 2
  for (const name in value) size += name.length + sizeOf((value as Record<string, unknown>)[name], id, level + 1)
  return size
}

function refused(given: unknown, { message, id }: RecordError, isMapped: boolean): Prepared {
  const fields = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {}
  const kind = recordKind(fields)
  const record = shown(given)
  const letter = { kind, key: keyOf(kind, fields, id, record), reason: message, record }
  return { letter, id, keeps: isMapped ? 'unknown' : kept(kind, fields, id) }
}

function kept(kind: RecordKind, fields: Record<string, unknown>, id: string | undefined): Kept {
  // It changes a row that somebody else stands for.
  if (kind === 'attributes') return 'nothing'
  if (kind === 'element') return id === undefined ? 'unknown' : { element: id }
  const relation = namedRelation(fields)
  return relation ? { relation } : 'unknown'
}

/** Two that differ are two letters, also where neither says what it is about. */
function keyOf(kind: RecordKind, fields: Record<string, unknown>, id: string | undefined, record: string): string {
  const part = (name: string) => (typeof fields[name] === 'string' && fields[name] !== '' ? fields[name] : '(none)')
  if (kind === 'relation' && id !== undefined) return `${id} ${part('type')} ${part('to')}`.slice(0, longestKey)
  return id ?? `(no id) ${hash('sha256', record, 'base64url').slice(0, 8)}`
}

function shown(given: unknown): string {
  const json = textOf(given)
  return json.length > shownCharacters ? `${json.slice(0, shownCharacters)}…` : json
}

function textOf(given: unknown): string {
  try {
    return JSON.stringify(given) ?? String(given)
  } catch (error) {
    return `(cannot be shown: ${(error as Error).message})`
  }
}
