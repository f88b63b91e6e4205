import { mergedRow, rowOf } from '../engine/batch-builder.ts'
import { idOf, type Kept, prepare } from '../engine/prepare.ts'
import type { RunContext } from '../engine/run-context.ts'
import { compileFilter } from '../model/filter.ts'
import { isAttributeChange, isRelation, type SyncRecord } from '../model/record.ts'
import { type ElementRow, type RelationRow, relationKey } from '../model/rows.ts'
import { BucketDigests, bucketOf } from './bucket-digests.ts'

/** What a side holds, in constant size. */
export interface SideDigests {
  readonly elements: BucketDigests
  readonly relations: BucketDigests
}

/** What the two sides hold of the buckets that differ. */
export interface Sides {
  readonly elements: Map<string, ElementRow>
  readonly relations: Map<string, RelationRow>
  readonly targetElements: Map<string, string>
  readonly targetRelations: Map<string, RelationRow>
  /** The source has them in a form that nobody can take: at the target they are not too many. */
  readonly keptElements: Set<string>
  readonly keptRelations: Set<string>
  /** Something of the source may be any row. */
  isBlind: boolean
}

const chunk = 5000

const noDigests = (): SideDigests => ({ elements: new BucketDigests(), relations: new BucketDigests() })

export async function digestSource(context: RunContext): Promise<SideDigests & { unusable: number }> {
  // A reading that failed is begun anew, and so is what it was summed up to.
  return context.patience.with(async () => {
    const digests = { ...noDigests(), unusable: 0 }
    await readSource(context, {
      record(record) {
        if (isRelation(record)) digests.relations.add(relationKey(record), '')
        else if (isAttributeChange(record)) digests.elements.doubt(record.element)
        else digests.elements.add(record.id, rowOf(record).hash)
      },
      unusable: () => digests.unusable++,
    })
    return digests
  })
}

export async function digestTarget(context: RunContext): Promise<SideDigests> {
  const digests = noDigests()
  await readTarget(context, {
    element: (id, hash) => digests.elements.add(id, hash),
    relation: relation => digests.relations.add(relationKey(relation), ''),
  })
  return digests
}

export async function collectSides(
  context: RunContext,
  buckets: { elements: ReadonlySet<number>; relations: ReadonlySet<number> },
): Promise<Sides> {
  const isEqual = buckets.elements.size === 0 && buckets.relations.size === 0
  const sides = isEqual ? noSides() : await context.patience.with(() => collectSource(context, buckets))
  if (isEqual) return sides
  await readTarget(context, {
    element: (id, hash) => buckets.elements.has(bucketOf(id)) && sides.targetElements.set(id, hash),
    relation: relation => {
      const key = relationKey(relation)
      if (buckets.relations.has(bucketOf(key))) sides.targetRelations.set(key, relation)
    },
  })
  return sides
}

function noSides(): Sides {
  return {
    elements: new Map(),
    relations: new Map(),
    targetElements: new Map(),
    targetRelations: new Map(),
    keptElements: new Set(),
    keptRelations: new Set(),
    isBlind: false,
  }
}

async function collectSource(
  context: RunContext,
  buckets: { elements: ReadonlySet<number>; relations: ReadonlySet<number> },
): Promise<Sides> {
  const sides = noSides()
  await readSource(context, {
    record(record) {
      if (isRelation(record)) {
        const key = relationKey(record)
        if (!buckets.relations.has(bucketOf(key))) return
        if (record.deleted) sides.relations.delete(key)
        else sides.relations.set(key, record)
        return
      }
      const id = idOf(record)
      if (!buckets.elements.has(bucketOf(id))) return
      if (isAttributeChange(record)) {
        const former = sides.elements.get(id)
        if (former) sides.elements.set(id, mergedRow(former, record.attributes, record.modifiedAt ?? null))
      } else if (record.deleted) sides.elements.delete(id)
      else sides.elements.set(id, rowOf(record))
    },
    unusable(kept) {
      if (kept === 'unknown') sides.isBlind = true
      else if (kept === 'nothing') return
      else if ('element' in kept) sides.keptElements.add(kept.element)
      else sides.keptRelations.add(relationKey(kept.relation))
    },
  })
  return sides
}

interface SourceListener {
  /** As a run would take it. */
  record(record: SyncRecord): void
  /** A run cannot take it. */
  unusable(kept: Kept): void
}

async function readSource(context: RunContext, met: SourceListener): Promise<void> {
  const { source, filter, map, options, signal, turn, told } = context
  const prepareOptions = { filter: compileFilter(filter), map, maxRecordBytes: options.maxRecordBytes }
  const pageBytes = Math.ceil(options.maxBufferedBytes / 8)
  for await (const page of source.read({ filter, pageRecords: options.batchRecords, pageBytes, signal })) {
    told.arrived(page, { readMs: 0, prepareMs: 0 })
    await turn()
    for (const _ of page.unreadable ?? []) met.unusable('unknown')
    for (const given of page.records) {
      const prepared = prepare(given, prepareOptions)
      if ('letter' in prepared) met.unusable(prepared.keeps)
      else if ('record' in prepared) met.record(prepared.record)
    }
  }
}

interface TargetListener {
  element(id: string, hash: string): void
  relation(relation: RelationRow): void
}

/** What the filter tells is of the sync. It tells nothing of what was mapped. */
async function readTarget({ connection, patience, turn, filter, map }: RunContext, met: TargetListener): Promise<void> {
  const { takes, takesId } = compileFilter(map ? {} : filter)
  let last: string | undefined
  for (let isEnd = false; !isEnd; ) {
    await turn()
    const own = await patience.with(() => connection.ownElements(last, chunk))
    for (const element of own) if (takes(element)) met.element(element.id, element.hash)
    last = own.at(-1)?.id
    isEnd = own.length < chunk
  }
  let lastRelation: RelationRow | undefined
  for (let isEnd = false; !isEnd; ) {
    await turn()
    const own = await patience.with(() => connection.ownRelations(lastRelation, chunk))
    for (const relation of own) if (takesId(relation.from)) met.relation(relation)
    lastRelation = own.at(-1)
    isEnd = own.length < chunk
  }
}
