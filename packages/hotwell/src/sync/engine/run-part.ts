import { HotwellError } from '../../core/errors.ts'
import { compileFilter } from '../model/filter.ts'
import { isAttributeChange, isRelation, type SyncRecord } from '../model/record.ts'
import type { DeadLetter } from '../model/rows.ts'
import type { SourcePage } from '../source.ts'
import { runLane } from '../target.ts'
import { BatchBuilder, rowOf } from './batch-builder.ts'
import { assertNoLetters } from './lane.ts'
import { idOf, prepare } from './prepare.ts'
import { readPatiently } from './read-patiently.ts'
import type { RunContext } from './run-context.ts'
import { addCounts, type Counts, noCounts } from './sync-state.ts'

/** A part of what a source has, to be copied on demand. Nothing is deleted for being absent, and no position changes. */
export type SyncPart =
  /** These elements. */
  | { readonly elements: readonly string[] }
  /** An element and what it owns, so many levels down. @default all levels */
  | { readonly subtree: string; readonly depth?: number }
  /** All relations, or the attributes of all elements that are at the target already. */
  | { readonly only: 'relations' | 'attributes' }

/** So many ids are asked for at once. */
const idsAtOnce = 200

/**
 * Copies a part, beside whatever an interrupted run has left, which goes on where it was.
 * @throws HotwellError `superseded`, or whatever ends it
 */
export async function runPart(context: RunContext, part: SyncPart): Promise<Counts> {
  const { connection, patience, told } = context
  told.phase('claiming')
  await patience.with(() => connection.claim())
  told.phase('reading')
  let counts = noCounts
  for await (const page of pagesOf(context, part)) {
    told.arrived(page, { readMs: 0, prepareMs: 0 })
    await context.turn()
    counts = addCounts(counts, await write(context, page, part))
  }
  told.phase('relations')
  await patience.with(() => connection.transaction(runLane, transaction => transaction.promotePending()))
  return counts
}

async function write(context: RunContext, page: SourcePage, part: SyncPart): Promise<Counts> {
  const { connection, patience, run, told, options, map } = context
  const builder = new BatchBuilder()
  const letters: DeadLetter[] = (page.unreadable ?? []).map(({ place, reason, text }) => {
    return { kind: 'unreadable', key: place, reason, record: text }
  })
  const prepareOptions = { filter: compileFilter(context.filter), map, maxRecordBytes: options.maxRecordBytes }
  let filtered = 0
  for (const given of page.records) {
    const prepared = prepare(given, prepareOptions)
    if ('letter' in prepared) letters.push(prepared.letter)
    else if ('filtered' in prepared || !put(prepared.record, builder, part)) filtered++
  }
  const { bytes } = builder
  const batch = builder.take()
  // Attributes of whole elements are no changes that come apart.
  const reading = 'only' in part && part.only === 'attributes' ? undefined : { fullPass: undefined }
  const startedAt = context.clock.monotonic()
  const applied = await patience.with(() =>
    connection.transaction(runLane, async transaction => {
      const applied = await transaction.apply(batch, reading)
      const all = [...letters, ...applied.refused]
      if (!options.continueOnError) assertNoLetters(all)
      if (all.length > 0) await transaction.deadLetters(run, all)
      return { ...applied, letters: all }
    }),
  )
  const writeMs = context.clock.monotonic() - startedAt
  const { inserted, updated, unchanged, deleted, pending } = applied
  const failed = applied.letters.length
  const times = { lane: runLane, records: page.records.length, bytes, delayMs: 0, writeMs, attempts: 1 }
  told.wrote({ ...times, inserted, updated, unchanged, deleted, failed }, pending)
  return { read: page.records.length, inserted, updated, unchanged, deleted, pending, failed, filtered }
}

/** Returns false for what is not of the part. */
function put(record: SyncRecord, builder: BatchBuilder, part: SyncPart): boolean {
  const only = 'only' in part ? part.only : undefined
  if (isRelation(record)) {
    if (only === 'attributes') return false
    if (record.deleted) builder.deleteRelation(record)
    else builder.putRelation(record)
    return true
  }
  if (only === 'relations') return false
  if (isAttributeChange(record)) return builder.changeAttributes(record)
  if (only === 'attributes') {
    const { id: element, attributes, modifiedAt } = record
    return record.deleted ? false : builder.changeAttributes({ element, attributes, modifiedAt })
  }
  if (record.deleted) builder.deleteElement(record.id)
  else builder.putElement(rowOf(record))
  return true
}

async function* pagesOf(context: RunContext, part: SyncPart): AsyncGenerator<SourcePage> {
  const { source, signal, patience } = context
  if ('only' in part) yield* allPages(context)
  else if ('elements' in part) {
    const { get } = source
    if (!get) yield* picked(context, new Set(part.elements))
    else
      for (let at = 0; at < part.elements.length; at += idsAtOnce) {
        const ids = part.elements.slice(at, at + idsAtOnce)
        yield { records: await patience.with(() => get.call(source, ids, { signal })), position: '' }
      }
  } else if (source.subtree) {
    const depth = part.depth ?? Number.POSITIVE_INFINITY
    yield* readPatiently({ patience, resumes: false }, () => source.subtree!(part.subtree, depth, { signal }))
  } else yield* picked(context, await ownedBy(context, part.subtree, part.depth))
}

function allPages({ source, filter, options, signal, patience }: RunContext): AsyncGenerator<SourcePage> {
  const pageBytes = Math.ceil(options.maxBufferedBytes / 8)
  const request = { filter, pageRecords: options.batchRecords, pageBytes, signal }
  return readPatiently({ patience, resumes: source.cursors === 'durable' }, after => source.read({ ...request, after }))
}

/** Of a source that can only be read as a whole. */
async function* picked(context: RunContext, ids: ReadonlySet<string>): AsyncGenerator<SourcePage> {
  for await (const page of allPages(context)) {
    const records = page.records.filter(given => {
      const id = readableId(given)
      return id !== undefined && ids.has(id)
    })
    yield { ...page, records }
  }
}

/** The ids of an element and of all that it owns; owners that go round in a circle end there. */
async function ownedBy(context: RunContext, root: string, depth = Number.POSITIVE_INFINITY): Promise<Set<string>> {
  const owned = new Map<string, string[]>()
  for await (const page of allPages(context))
    for (const given of page.records) {
      const { id, ownerId } = given as { id?: unknown; ownerId?: unknown }
      if (id === undefined || ownerId === undefined || ownerId === null) continue
      const siblings = owned.get(String(ownerId))
      if (siblings) siblings.push(String(id))
      else owned.set(String(ownerId), [String(id)])
    }
  const found = new Set([root])
  let level = [root]
  for (let down = 0; down < depth && level.length > 0; down++) {
    level = level.flatMap(id => owned.get(id) ?? []).filter(id => !found.has(id))
    for (const id of level) found.add(id)
  }
  return found
}

function readableId(given: unknown): string | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const id = idOf(given as SyncRecord)
  return id === undefined || id === null ? undefined : String(id)
}

/** @throws HotwellError `invalid_request` */
export function checkPart(part: SyncPart): void {
  const { depth } = part as { depth?: number }
  if (depth !== undefined && !(depth >= 1))
    throw new HotwellError('invalid_request', `The depth of a subtree is 1 or more levels, not ${depth}.`)
  if ('elements' in part && part.elements.length === 0)
    throw new HotwellError('invalid_request', 'Name the elements that are to be copied: at least one.')
}
