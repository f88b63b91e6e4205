import { canonicalJson } from '../model/canonical-json.ts'
import type { AttributeChange, AttributeValue, Element, JsonValue } from '../model/record.ts'
import { hashOf, mergeAttributes } from '../model/record-hash.ts'
import { type AttributeRow, type Batch, type ElementRow, type RelationRow, relationKey } from '../model/rows.ts'
import { ElementRows } from './element-rows.ts'

/** What a row costs besides its texts, about. */
const rowBytes = 64

/** An element as it is written. */
export function rowOf(element: Element): ElementRow {
  const { id, type, name, ownerId = null, modifiedAt = null } = element
  const attributes = canonicalJson(element.attributes)
  const hash = hashOf({ id, type, name, ownerId, attributes, modifiedAt })
  const bytes = 2 * id.length + type.length + name.length + attributes.length + rowBytes
  return { id, type, name, ownerId, attributes, modifiedAt, hash, bytes }
}

/** The row with a change of its attributes. */
export function mergedRow(
  row: Omit<ElementRow, 'hash' | 'bytes'>,
  change: Readonly<Record<string, JsonValue>>,
  modifiedAt: number | null,
): ElementRow {
  const { id, type, name, ownerId } = row
  const former = JSON.parse(row.attributes) as Record<string, AttributeValue>
  return rowOf({
    id,
    type,
    name,
    ownerId: ownerId ?? undefined,
    attributes: mergeAttributes(former, change),
    modifiedAt: modifiedAt ?? row.modifiedAt ?? undefined,
  })
}

/**
 * Collects what one transaction will write: of several records for one id, the last one wins and changes are merged.
 */
export class BatchBuilder {
  readonly #elements = new ElementRows()
  #attributes = new Map<string, AttributeRow>()
  #deletedElements = new Set<string>()
  #relations = new Map<string, RelationRow>()
  #deletedRelations = new Map<string, RelationRow>()
  #bytes = 0

  /** About what it holds, in bytes; what was replaced counts. */
  get bytes(): number {
    return this.#bytes
  }

  putElement(row: ElementRow): void {
    const { id, bytes } = row
    if (this.#attributes.size > 0) this.#attributes.delete(id)
    if (this.#deletedElements.size > 0) this.#deletedElements.delete(id)
    this.#elements.put(row)
    this.#bytes += bytes
  }

  /** Returns false when its element has just been deleted. */
  changeAttributes(change: AttributeChange): boolean {
    const { element: id, attributes } = change
    const modifiedAt = change.modifiedAt ?? null
    if (this.#deletedElements.has(id)) return false
    const row = this.#elements.get(id)
    if (row) {
      const merged: { -readonly [Name in keyof ElementRow]: ElementRow[Name] } = mergedRow(row, attributes, modifiedAt)
      merged.changes = row.changes ? { ...row.changes, ...attributes } : attributes
      this.putElement(merged)
      return true
    }
    const former = this.#attributes.get(id)
    const bytes = id.length + JSON.stringify(attributes).length + rowBytes
    this.#attributes.set(id, {
      id,
      attributes: former ? { ...former.attributes, ...attributes } : attributes,
      modifiedAt: modifiedAt ?? former?.modifiedAt ?? null,
      bytes: bytes + (former?.bytes ?? 0),
    })
    this.#bytes += bytes
    return true
  }

  deleteElement(id: string): void {
    this.#elements.delete(id)
    this.#attributes.delete(id)
    this.#deletedElements.add(id)
    this.#bytes += id.length + rowBytes
  }

  putRelation(relation: RelationRow): void {
    const key = relationKey(relation)
    this.#deletedRelations.delete(key)
    this.#relations.set(key, relation)
    this.#bytes += key.length + rowBytes
  }

  deleteRelation(relation: RelationRow): void {
    const key = relationKey(relation)
    this.#relations.delete(key)
    this.#deletedRelations.set(key, relation)
    this.#bytes += key.length + rowBytes
  }

  /** What was collected; it begins anew. */
  take(): Batch {
    const batch: Batch = {
      elements: this.#elements.take(),
      attributes: [...this.#attributes.values()],
      deletedElements: [...this.#deletedElements],
      relations: [...this.#relations.values()],
      deletedRelations: [...this.#deletedRelations.values()],
    }
    this.#attributes = new Map()
    this.#deletedElements = new Set()
    this.#relations = new Map()
    this.#deletedRelations = new Map()
    this.#bytes = 0
    return batch
  }
}
