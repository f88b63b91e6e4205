import type { JsonValue } from './record.ts'

/** An element as it is written. */
export interface ElementRow {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly ownerId: string | null
  /** Canonical JSON. */
  readonly attributes: string
  readonly modifiedAt: number | null
  /** Of all the others; a row with the same hash need not be written. */
  readonly hash: string
  /** About so many bytes on the wire. */
  readonly bytes: number
  /** The changes that were merged into it on its way, as one; absent: none were. */
  readonly changes?: AttributeRow['attributes'] | undefined
}

/** Attributes for an element that is at the target, or is not known. */
export interface AttributeRow {
  readonly id: string
  /** `null` removes a name. */
  readonly attributes: Readonly<Record<string, JsonValue>>
  readonly modifiedAt: number | null
  readonly bytes: number
}

export interface RelationRow {
  readonly from: string
  readonly type: string
  readonly to: string
}

/** What one transaction applies. No id occurs twice among `elements`, `attributes` and `deletedElements` together. */
export interface Batch {
  readonly elements: readonly ElementRow[]
  readonly attributes: readonly AttributeRow[]
  readonly deletedElements: readonly string[]
  readonly relations: readonly RelationRow[]
  readonly deletedRelations: readonly RelationRow[]
}

/** Names a relation in sets and messages. Ids hold no NUL. */
export function relationKey({ from, type, to }: RelationRow): string {
  return `${from}\0${type}\0${to}`
}

export type RecordKind = 'element' | 'attributes' | 'relation'

/** The two together name one of a sync's. */
export type DeadLetterKey = Pick<DeadLetter, 'kind' | 'key'>

/** A record that could not be taken, and why. */
export interface DeadLetter {
  /** `unreadable`: no record at all. `cycle`: elements whose owners go round in a circle; they were copied. */
  readonly kind: RecordKind | 'unreadable' | 'cycle'
  /** Its id, `from type to` of a relation, the least id of a circle, or where in the source it is. */
  readonly key: string
  readonly reason: string
  /** The record as JSON, shortened; absent where nothing was readable. */
  readonly record?: string
}
