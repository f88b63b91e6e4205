import { BatchBuilder, mergedRow, rowOf } from '../engine/batch-builder.ts'
import { guardDeletes } from '../engine/delete-absent.ts'
import { idOf, prepare } from '../engine/prepare.ts'
import type { RunContext } from '../engine/run-context.ts'
import { compileFilter } from '../model/filter.ts'
import { isAttributeChange, isRelation, type SyncRecord } from '../model/record.ts'
import { type ElementRow, type RelationRow, relationKey } from '../model/rows.ts'
import { runLane } from '../target.ts'
import { BucketDigests, bucketOf } from './bucket-digests.ts'

export interface Difference {
  readonly kind: 'element' | 'relation'
  /** The id, or `from type to`. */
  readonly key: string
  /** `missing`: only the source has it. `extra`: only the target has it. `different`: both, but not the same. */
  readonly what: 'missing' | 'extra' | 'different'
}

export interface Verification {
  readonly equal: boolean
  readonly elements: { readonly source: number; readonly target: number }
  readonly relations: { readonly source: number; readonly target: number }
  readonly missing: number
  readonly extra: number
  readonly different: number
  /** The first of them; see {@link VerifyOptions.listed}. */
  readonly differences: readonly Difference[]
  /** Records of the source that nobody can take; they are no differences. */
  readonly unusable: number
  /** How many were put right; only when asked for. */
  readonly repaired: number
}

export interface VerifyOptions {
  /** Writes what is missing or different, and deletes what is extra. @default false */
  repair?: boolean
  /** So many differences are listed. @default 100 */
  listed?: number
}

const chunk = 5000
const repairedAtOnce = 500

/** What the two sides hold of the buckets that differ. */
interface Sides {
  readonly elements: Map<string, ElementRow>
  readonly relations: Map<string, RelationRow>
  readonly targetElements: Map<string, string>
  readonly targetRelations: Map<string, RelationRow>
}

/**
 * Compares source and target: first by digests, of constant size; then, where these differ, record by record. What
 * changes meanwhile may show as a difference.
 */
export async function verifySync(context: RunContext, options: VerifyOptions = {}): Promise<Verification> {
  const { repair = false, listed = 100 } = options
  if (repair) await context.patience.with(() => context.connection.claim())
  const source = { elements: new BucketDigests(), relations: new BucketDigests() }
  const target = { elements: new BucketDigests(), relations: new BucketDigests() }
  let unusable = 0
  await readSource(context, record => {
    if (record === undefined) unusable++
    else if (isRelation(record)) source.relations.add(relationKey(record), '')
    else if (isAttributeChange(record)) source.elements.doubt(record.element)
    else source.elements.add(record.id, rowOf(record).hash)
  })
  await readTarget(context, {
    element: (id, hash) => target.elements.add(id, hash),
    relation: relation => target.relations.add(relationKey(relation), ''),
  })
  const buckets = {
    elements: source.elements.differing(target.elements),
    relations: source.relations.differing(target.relations),
  }
  const sides = await collect(context, buckets)
  const differences = differencesOf(sides)
  const repaired = repair
    ? await repairAll(context, sides, differences, source.elements.count + source.relations.count)
    : 0
  const counted = (what: Difference['what']) => differences.filter(difference => difference.what === what).length
  return {
    equal: differences.length === 0,
    elements: { source: source.elements.count, target: target.elements.count },
    relations: { source: source.relations.count, target: target.relations.count },
    missing: counted('missing'),
    extra: counted('extra'),
    different: counted('different'),
    differences: differences.slice(0, listed),
    unusable,
    repaired,
  }
}

/** Every record as a run would take it; undefined for those that it cannot take. */
async function readSource(context: RunContext, met: (record: SyncRecord | undefined) => void): Promise<void> {
  const { source, filter, map, options, signal, turn, told } = context
  const prepareOptions = { filter: compileFilter(filter), map, maxRecordBytes: options.maxRecordBytes }
  const pageBytes = Math.ceil(options.maxBufferedBytes / 8)
  for await (const page of source.read({ filter, pageRecords: options.batchRecords, pageBytes, signal })) {
    told.arrived(page, { readMs: 0, prepareMs: 0 })
    await turn()
    for (const _ of page.unreadable ?? []) met(undefined)
    for (const given of page.records) {
      const prepared = prepare(given, prepareOptions)
      if ('letter' in prepared) met(undefined)
      else if ('record' in prepared) met(prepared.record)
    }
  }
}

interface TargetListener {
  element(id: string, hash: string): void
  relation(relation: RelationRow): void
}

async function readTarget({ connection, patience, turn, filter, map }: RunContext, met: TargetListener): Promise<void> {
  const takes = map ? () => true : compileFilter(filter).takes
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
    for (const relation of own) met.relation(relation)
    lastRelation = own.at(-1)
    isEnd = own.length < chunk
  }
}

async function collect(
  context: RunContext,
  buckets: { elements: ReadonlySet<number>; relations: ReadonlySet<number> },
): Promise<Sides> {
  const sides: Sides = {
    elements: new Map(),
    relations: new Map(),
    targetElements: new Map(),
    targetRelations: new Map(),
  }
  if (buckets.elements.size === 0 && buckets.relations.size === 0) return sides
  await readSource(context, record => {
    if (record === undefined) return
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
  })
  await readTarget(context, {
    element: (id, hash) => buckets.elements.has(bucketOf(id)) && sides.targetElements.set(id, hash),
    relation: relation => {
      const key = relationKey(relation)
      if (buckets.relations.has(bucketOf(key))) sides.targetRelations.set(key, relation)
    },
  })
  return sides
}

function differencesOf({ elements, relations, targetElements, targetRelations }: Sides): Difference[] {
  const found: Difference[] = []
  for (const [id, { hash }] of elements) {
    const there = targetElements.get(id)
    if (there === undefined) found.push({ kind: 'element', key: id, what: 'missing' })
    else if (there !== hash) found.push({ kind: 'element', key: id, what: 'different' })
  }
  for (const id of targetElements.keys()) if (!elements.has(id)) found.push({ kind: 'element', key: id, what: 'extra' })
  const edge = ({ from, type, to }: RelationRow) => `${from} ${type} ${to}`
  for (const [key, relation] of relations)
    if (!targetRelations.has(key)) found.push({ kind: 'relation', key: edge(relation), what: 'missing' })
  for (const [key, relation] of targetRelations)
    if (!relations.has(key)) found.push({ kind: 'relation', key: edge(relation), what: 'extra' })
  return found
}

async function repairAll(
  context: RunContext,
  sides: Sides,
  differences: readonly Difference[],
  read: number,
): Promise<number> {
  const { connection, patience, turn, source } = context
  const edge = ({ from, type, to }: RelationRow) => `${from} ${type} ${to}`
  const relations = new Map(
    [...sides.relations.values(), ...sides.targetRelations.values()].map(row => [edge(row), row]),
  )
  // One reading of such a source does not prove that something is gone.
  const extra = differences.filter(({ what }) => what === 'extra').length
  const { guard, allowDeletes } = context
  const patiently = <T>(work: () => Promise<T>) => patience.with(work)
  if (extra > 0) await guardDeletes({ connection, patiently, read, guard, allowDeletes }, extra)
  const due = differences.filter(({ what }) => what !== 'extra' || source.consistency !== 'none')
  let repaired = 0
  for (let at = 0; at < due.length; at += repairedAtOnce) {
    await turn()
    const builder = new BatchBuilder()
    for (const { kind, key, what } of due.slice(at, at + repairedAtOnce)) {
      if (kind === 'element') {
        if (what === 'extra') builder.deleteElement(key)
        else builder.putElement(sides.elements.get(key)!)
      } else if (what === 'extra') builder.deleteRelation(relations.get(key)!)
      else builder.putRelation(relations.get(key)!)
    }
    const batch = builder.take()
    const applied = await patience.with(() => connection.transaction(runLane, transaction => transaction.apply(batch)))
    repaired += applied.inserted + applied.updated + applied.deleted
  }
  await patience.with(() => connection.transaction(runLane, transaction => transaction.promotePending()))
  return repaired
}
