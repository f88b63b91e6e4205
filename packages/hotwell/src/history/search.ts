import { type Kysely, sql } from 'kysely'
import { HotwellError } from '../core/errors.ts'
import type { AcquisitionRecord } from '../tokens/acquisition-record.ts'
import { type RecordColumns, recordOf } from './acquisition-row.ts'
import { conditionOf, type RecordFilter } from './record-filter.ts'

const mostAtOnce = 500

export interface SearchOptions extends RecordFilter {
  /** Records of a page, 1 to 500. @default 50 */
  limit?: number
  /** `nextCursor` of the page before, asked for with the same filter. */
  cursor?: string
}

export interface HistoryPage {
  /** The newest first. */
  readonly records: readonly AcquisitionRecord[]
  /** Absent on the last page. */
  readonly nextCursor?: string
}

/** Where a page ends: the next one begins with what finished before. Its order is that of an index. */
interface Place {
  readonly finishedAt: number
  readonly id: string
}

/** What is asked of the store. */
export interface SearchQuery {
  readonly filter: RecordFilter
  readonly limit: number
  readonly after?: Place
}

/**
 * Checks what a caller asks for.
 * @throws HotwellError `invalid_request`, naming the value
 */
export function searchQuery({ limit = 50, cursor, ...filter }: SearchOptions): SearchQuery {
  if (!Number.isInteger(limit) || limit < 1 || limit > mostAtOnce)
    throw invalid(`limit has to be a whole number from 1 to ${mostAtOnce}, not ${limit}.`)
  const { fromAt, toAt } = filter
  for (const [name, at] of Object.entries({ fromAt, toAt }))
    if (at !== undefined && !Number.isFinite(at)) throw invalid(`${name} has to be an instant, not ${at}.`)
  return { filter, limit, after: cursor === undefined ? undefined : placeOf(cursor) }
}

/** One page: what is recorded between two pages neither doubles nor hides a record of the next. */
export async function searchAcquisitions(database: Kysely<unknown>, query: SearchQuery): Promise<HistoryPage> {
  const { filter, limit, after } = query
  const beyond = after ? sql`(finished_at, id) < (${after.finishedAt}, ${after.id})` : sql`1 = 1`
  const { rows } = await sql<RecordColumns>`
    select * from acquisitions where ${conditionOf(filter)} and ${beyond}
    order by finished_at desc, id desc limit ${limit + 1}`.execute(database)
  const records = rows.slice(0, limit).map(recordOf)
  const last = records.at(-1)
  return rows.length > limit && last ? { records, nextCursor: cursorOf(last) } : { records }
}

function cursorOf({ finishedAt, id }: Place): string {
  return Buffer.from(JSON.stringify([finishedAt, id])).toString('base64url')
}

function placeOf(cursor: string): Place {
  try {
    const [finishedAt, id, ...rest] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Number.isFinite(finishedAt) && typeof id === 'string' && rest.length === 0) return { finishedAt, id }
  } catch {}
  throw invalid('the cursor is not one that a former page gave. Begin again without a cursor.')
}

function invalid(why: string): HotwellError {
  return new HotwellError('invalid_request', `The search of the history is not valid: ${why}`)
}
