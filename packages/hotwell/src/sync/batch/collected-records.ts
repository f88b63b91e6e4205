import { jsonBytes } from '../cache/json-bytes.ts'
import {
  type AttributeChange,
  type Element,
  isAttributeChange,
  isRelation,
  type Relation,
  type SyncRecord,
} from '../model/record.ts'
import { relationKey } from '../model/rows.ts'

/**
 * Records by kind. Applied in this order (elements, attributes, relations) they have the effect of all that were added,
 * in the order in which they came.
 */
export interface RecordBatch {
  /** Each id once. */
  readonly elements: readonly Element[]
  /** Each id once. They came after the element of that id, if that is here as well. */
  readonly attributes: readonly AttributeChange[]
  /** Each once. */
  readonly relations: readonly Relation[]
}

interface Kept<Kind> {
  readonly record: Kind
  readonly bytes: number
}

/** Collects records: of several for one thing the last one wins, and changes of attributes are merged. */
export class CollectedRecords {
  readonly #elements = new Map<string, Kept<Element>>()
  readonly #attributes = new Map<string, Kept<AttributeChange>>()
  readonly #relations = new Map<string, Kept<Relation>>()
  #bytes = 0

  /** Of their JSON, about. */
  get bytes(): number {
    return this.#bytes
  }

  get elements(): number {
    return this.#elements.size
  }

  get attributes(): number {
    return this.#attributes.size
  }

  get relations(): number {
    return this.#relations.size
  }

  get count(): number {
    return this.elements + this.attributes + this.relations
  }

  put(record: SyncRecord): void {
    if (isRelation(record)) this.#keep(this.#relations, relationKey(record), record)
    else if (isAttributeChange(record)) this.#merge(record)
    else {
      // What changed before it came is not true of it any more.
      this.#drop(this.#attributes, record.id)
      this.#keep(this.#elements, record.id, record)
    }
  }

  putAll({ elements, attributes, relations }: RecordBatch): void {
    for (const record of [...elements, ...attributes, ...relations]) this.put(record)
  }

  toBatch(): RecordBatch {
    return { elements: list(this.#elements), attributes: list(this.#attributes), relations: list(this.#relations) }
  }

  #merge(change: AttributeChange): void {
    const former = this.#attributes.get(change.element)?.record
    const merged = former
      ? { ...former, ...change, attributes: { ...former.attributes, ...change.attributes } }
      : change
    this.#keep(this.#attributes, change.element, merged)
  }

  #keep<Kind>(kept: Map<string, Kept<Kind>>, key: string, record: Kind): void {
    this.#drop(kept, key)
    const bytes = jsonBytes(record)
    kept.set(key, { record, bytes })
    this.#bytes += bytes
  }

  #drop<Kind>(kept: Map<string, Kept<Kind>>, key: string): void {
    const former = kept.get(key)
    if (!former) return
    kept.delete(key)
    this.#bytes -= former.bytes
  }
}

function list<Kind>(kept: ReadonlyMap<string, Kept<Kind>>): Kind[] {
  return Array.from(kept.values(), ({ record }) => record)
}
