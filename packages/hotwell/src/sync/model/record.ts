/** What an attribute may be: JSON. `null` is not among it: an attribute that is null is absent. */
export type AttributeValue = string | number | boolean | readonly JsonValue[] | { readonly [name: string]: JsonValue }
export type JsonValue = AttributeValue | null

/** A node of the graph. */
export interface Element {
  /** 1 to 1,024 bytes of UTF-8, without NUL. Ids are ordered by these bytes, everywhere. */
  readonly id: string
  readonly type: string
  readonly name: string
  /** The element that this one belongs to; it need not be there. */
  readonly ownerId?: string
  readonly attributes: Readonly<Record<string, AttributeValue>>
  /** Wall clock, in milliseconds since 1970. */
  readonly modifiedAt?: number
  /** True: it is gone at the source. */
  readonly deleted?: boolean
}

/** Attributes of an element that changed, on their own: they are merged into those it has; `null` removes one. */
export interface AttributeChange {
  /** Its id. */
  readonly element: string
  readonly attributes: Readonly<Record<string, JsonValue>>
  /** Wall clock, in milliseconds since 1970. */
  readonly modifiedAt?: number
}

/** A typed edge. The three together name it. */
export interface Relation {
  /** The id of the element it starts at. */
  readonly from: string
  readonly type: string
  /** The id of the element it leads to. */
  readonly to: string
  /** True: it is gone at the source. */
  readonly deleted?: boolean
}

/** What a source yields. */
export type SyncRecord = Element | AttributeChange | Relation

export function isRelation(record: SyncRecord): record is Relation {
  return 'from' in record
}

export function isAttributeChange(record: SyncRecord): record is AttributeChange {
  return 'element' in record
}
