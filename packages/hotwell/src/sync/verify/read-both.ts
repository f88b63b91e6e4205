import { type Kept, prepare } from '../engine/prepare.ts'
import type { RunContext } from '../engine/run-context.ts'
import { canonicalJson } from '../model/canonical-json.ts'
import { compileFilter } from '../model/filter.ts'
import type { SyncRecord } from '../model/record.ts'
import { hashOf } from '../model/record-hash.ts'
import type { RelationRow } from '../model/rows.ts'
import type { OwnContent } from '../target.ts'

export interface SourceListener {
  /** As a run would take it. */
  record(record: SyncRecord): void
  /** A run cannot take it. */
  unusable(kept: Kept): void
}

export interface TargetListener {
  /** With the hash of what really lies there. */
  element(id: string, hash: string): void
  relation(relation: RelationRow): void
}

/** Pages of elements are to have so many bytes, about. */
const pageBytes = 4 * 1024 * 1024
const firstPage = 200
const largestPage = 5000

export async function readSource(context: RunContext, met: SourceListener): Promise<void> {
  const { source, filter, map, options, signal, turn, told } = context
  const prepareOptions = { filter: compileFilter(filter), map, maxRecordBytes: options.maxRecordBytes }
  const bytes = Math.ceil(options.maxBufferedBytes / 8)
  for await (const page of source.read({ filter, pageRecords: options.batchRecords, pageBytes: bytes, signal })) {
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

/** What the filter tells is of the sync. It tells nothing of what was mapped. */
export async function readTarget(
  { connection, patience, turn, filter, map }: RunContext,
  met: TargetListener,
): Promise<void> {
  const { takes, takesId } = compileFilter(map ? {} : filter)
  let last: string | undefined
  let limit = firstPage
  for (let isEnd = false; !isEnd; ) {
    await turn()
    const own = await patience.with(() => connection.ownContents(last, limit))
    for (const element of own) if (takes(element)) met.element(element.id, hashOfContent(element))
    last = own.at(-1)?.id
    isEnd = own.length < limit
    limit = suitable(own)
  }
  let lastRelation: RelationRow | undefined
  for (let isEnd = false; !isEnd; ) {
    await turn()
    const own = await patience.with(() => connection.ownRelations(lastRelation, largestPage))
    for (const relation of own) if (takesId(relation.from)) met.relation(relation)
    lastRelation = own.at(-1)
    isEnd = own.length < largestPage
  }
}

/** Rows may have megabytes each. */
function suitable(page: readonly OwnContent[]): number {
  const bytes = page.reduce((sum, { id, name, attributes }) => sum + id.length + name.length + attributes.length, 1)
  return Math.max(1, Math.min(largestPage, Math.floor((pageBytes / bytes) * page.length)))
}

/** Not the one that is kept beside it: somebody may have changed the row. */
function hashOfContent({ attributes, ...content }: OwnContent): string {
  try {
    return hashOf({ ...content, attributes: canonicalJson(JSON.parse(attributes)) })
  } catch {
    // Where a target keeps JSON as text, somebody may have left something else there.
    return 'no JSON'
  }
}
