import { mergedRow, rowOf } from '../engine/batch-builder.ts'
import { idOf } from '../engine/prepare.ts'
import type { RunContext } from '../engine/run-context.ts'
import { isAttributeChange, isRelation, type SyncRecord } from '../model/record.ts'
import { type ElementRow, type RelationRow, relationKey } from '../model/rows.ts'
import { bucketOf } from './bucket-digests.ts'
import type { SideDigests } from './digest-sides.ts'
import { readSource, readTarget } from './read-both.ts'

/**
 * What the two sides hold of the buckets that differ. Of what is the same on both the source's rows are not kept: a few
 * differences may lie in most buckets.
 */
export interface Sides {
  /** Hashes. */
  readonly targetElements: Map<string, string>
  readonly targetRelations: Map<string, RelationRow>
  /** Those of the source that the target lacks or has otherwise, and those that come in parts. */
  readonly elements: Map<string, ElementRow>
  readonly relations: Map<string, RelationRow>
  /** The source has these as well, and the same; relations by their keys. */
  readonly sameElements: Set<string>
  readonly sameRelations: Set<string>
  /** The source has them in a form that nobody can take: at the target they are not too many. */
  readonly keptElements: Set<string>
  readonly keptRelations: Set<string>
  /** Something of the source may be any row. */
  isBlind: boolean
}

export async function collectSides(context: RunContext, source: SideDigests, target: SideDigests): Promise<Sides> {
  const elements = source.elements.differing(target.elements)
  const relations = source.relations.differing(target.relations)
  const [targetElements, targetRelations] = [new Map<string, string>(), new Map<string, RelationRow>()]
  if (elements.size + relations.size === 0) return noSides(targetElements, targetRelations)
  await readTarget(context, {
    element: (id, hash) => elements.has(bucketOf(id)) && targetElements.set(id, hash),
    relation: relation => {
      const key = relationKey(relation)
      if (relations.has(bucketOf(key))) targetRelations.set(key, relation)
    },
  })
  const isIn = (record: SyncRecord) =>
    isRelation(record) ? relations.has(bucketOf(relationKey(record))) : elements.has(bucketOf(idOf(record)))
  // A reading that failed is begun anew, and so is what it has met.
  return context.patience.with(async () => {
    const sides = noSides(targetElements, targetRelations)
    await readSource(context, {
      record: record => isIn(record) && meet(sides, record, source),
      unusable(kept) {
        if (kept === 'unknown') sides.isBlind = true
        else if (kept === 'nothing') return
        else if ('element' in kept) sides.keptElements.add(kept.element)
        else sides.keptRelations.add(relationKey(kept.relation))
      },
    })
    return sides
  })
}

function noSides(targetElements: Map<string, string>, targetRelations: Map<string, RelationRow>): Sides {
  return {
    targetElements,
    targetRelations,
    elements: new Map(),
    relations: new Map(),
    sameElements: new Set(),
    sameRelations: new Set(),
    keptElements: new Set(),
    keptRelations: new Set(),
    isBlind: false,
  }
}

/** A later record for the same id takes the place of the former one. */
function meet(sides: Sides, record: SyncRecord, source: SideDigests): void {
  if (isRelation(record)) {
    const key = relationKey(record)
    sides.relations.delete(key)
    sides.sameRelations.delete(key)
    if (record.deleted) return
    if (sides.targetRelations.has(key)) sides.sameRelations.add(key)
    else sides.relations.set(key, record)
    return
  }
  const id = idOf(record)
  const former = sides.elements.get(id)
  if (isAttributeChange(record)) {
    if (former) sides.elements.set(id, mergedRow(former, record.attributes, record.modifiedAt ?? null))
    return
  }
  sides.elements.delete(id)
  sides.sameElements.delete(id)
  if (record.deleted) return
  const row = rowOf(record)
  const isSame = row.hash === sides.targetElements.get(id)
  if (isSame && !source.elements.isDoubtful(id)) sides.sameElements.add(id)
  else sides.elements.set(id, row)
}
