import { hash } from 'node:crypto'
import { HotwellError } from '../../core/errors.ts'
import { checkKnown } from '../check-known.ts'
import { canonicalJson } from '../model/canonical-json.ts'
import type { ReadRequest, Source, SourcePage } from '../source.ts'
import { postgresFailure } from '../targets/sql/postgres-errors.ts'
import { checkAddress, type OpenPool, openPool, type PostgresAddress } from '../targets/sql/postgres-pool.ts'
import { PostgresSession } from '../targets/sql/postgres-session.ts'
import {
  elementMapping,
  type PostgresElementColumns,
  type PostgresRelationColumns,
  type PostgresRowsFrom,
  quoted,
  relationMapping,
} from './postgres-columns.ts'
import { addressOf } from './postgres-identity.ts'
import { PostgresRows } from './postgres-rows.ts'

export type { PostgresColumn, PostgresElementColumns, PostgresRelationColumns } from './postgres-columns.ts'

export type PostgresSourceOptions = PostgresAddress & {
  /** A table or view whose rows are elements; with its schema or without. @default 'elements' */
  table?: string
  /** Instead of a table: a select whose rows are elements. */
  query?: string
  /** Which columns tell what. */
  columns?: PostgresElementColumns
  /** Where relations are; `false`: there are none. @default the table `relations` if there is one */
  relations?: { table?: string; query?: string; columns?: PostgresRelationColumns } | false
  /** Names the database in positions, if its address does not: never a secret. @default host, port and database */
  identity?: string
}

type Position = { readonly of: 'elements' | 'relations'; readonly after?: readonly string[] }

interface Tables {
  readonly elements: PostgresRows
  readonly relations: PostgresRows | undefined
}

/** So many ids are asked for by one statement. */
const idsAtOnce = 1000

/**
 * Reads PostgreSQL in the order of ids: each reading in one transaction, so that it sees one state, also where it only
 * reads. With an index that has the ids in `COLLATE "C"` it begins at once; otherwise they are sorted first. The defaults
 * fit what the target `postgres` writes.
 * @throws HotwellError `invalid_configuration`; `source_failed`
 */
export function postgres(options: PostgresSourceOptions): Source {
  checkKnown('The source postgres', options, [
    'connectionString',
    'pool',
    'table',
    'query',
    'columns',
    'relations',
    'identity',
  ])
  const { table, query, columns, relations, identity, ...address } = options
  for (const given of [options, relations || {}])
    if (given.table !== undefined && given.query !== undefined)
      throw new HotwellError('invalid_configuration', 'A source reads a table or a query: name one of the two.')
  checkAddress(address)
  const asked = canonicalJson({ table, query, columns, relations })
  const place = identity ?? addressOf(address)
  let forIds: Promise<{ tables: Tables; session: PostgresSession; pool: OpenPool }> | undefined

  /** Does it with a client of its own. */
  async function open() {
    const pool = await openPool(address, 1)
    const session = new PostgresSession({ pool: pool.pool, setUp, lossCode: 'source_failed' })
    return { pool, session }
  }

  async function tablesOf(session: PostgresSession): Promise<Tables> {
    const { table: edges, query: edgeQuery, columns: edgeColumns } = relations || {}
    const elements = elementMapping(await describe(session, { table: table ?? 'elements', query }), columns)
    const isThere = relations || (relations !== false && (await hasTable(session, 'relations')))
    const found = isThere ? await describe(session, { table: edges ?? 'relations', query: edgeQuery }) : undefined
    const mapping = found && relationMapping(found, edgeColumns)
    return { elements: new PostgresRows(session, elements), relations: mapping && new PostgresRows(session, mapping) }
  }

  async function kept(): Promise<Tables> {
    forIds ??= open().then(async ({ session, pool }) => {
      try {
        return { session, pool, tables: await tablesOf(session) }
      } catch (error) {
        await session.close()
        await pool.close()
        forIds = undefined
        throw error
      }
    })
    return (await forIds).tables
  }

  return {
    name: 'postgres',
    identity: asked === '{}' ? place : `${place} ${hash('sha256', asked, 'base64url').slice(0, 22)}`,
    consistency: 'keyset',
    order: 'id-bytes',
    cursors: 'durable',
    async *read(request) {
      request.signal.throwIfAborted()
      const at = parsePosition(request.after)
      const { pool, session } = await open()
      try {
        session.defer({ text: 'begin isolation level repeatable read read only' })
        const tables = await tablesOf(session)
        if (at.of === 'elements') yield* pages(tables.elements, at, request)
        const edges: Position = at.of === 'relations' ? at : { of: 'relations' }
        if (tables.relations) yield* pages(tables.relations, edges, request)
      } catch (error) {
        throw postgresFailure(error, 'source_failed')
      } finally {
        await session.close()
        await pool.close()
      }
    },
    get: (ids, { signal }) =>
      failing(async () => {
        const found: unknown[] = []
        signal.throwIfAborted()
        for (const some of inParts(new Set(ids))) {
          signal.throwIfAborted()
          found.push(...(await (await kept()).elements.withIds('id', some)))
        }
        return found.filter(record => !(record as { deleted?: boolean }).deleted)
      }),
    async *subtree(root, depth, { signal }) {
      const { elements, relations: edges } = await failing(kept)
      const met = new Set<string>()
      let level = await failing(() => elements.withIds('id', [root]))
      for (let down = 0; level.length > 0; down++) {
        const ids = level.map(idOf).filter(id => !met.has(id))
        const next: unknown[] = []
        for (const id of ids) met.add(id)
        for (const some of inParts(ids)) {
          signal.throwIfAborted()
          const of = new Set(some)
          const own = level.filter(record => of.has(idOf(record)))
          yield {
            records: [...own, ...((await failing(async () => edges?.withIds('from', some))) ?? [])],
            position: '',
          }
          if (down < depth) next.push(...(await failing(() => elements.withIds('ownerId', some))))
        }
        level = next
      }
    },
    async close() {
      const open = await forIds?.catch(() => undefined)
      forIds = undefined
      await open?.session.close()
      await open?.pool.close()
    },
  }
}

const setUp = [
  'set statement_timeout = 0',
  // A target that is slow keeps a reading waiting.
  'set idle_in_transaction_session_timeout = 0',
  `set time zone 'UTC'`,
  'set jit = off',
]

async function* pages(rows: PostgresRows, { of, after }: Position, request: ReadRequest): AsyncGenerator<SourcePage> {
  const unreadable = after ? [] : await rows.withoutKey()
  let isFirst = true
  for await (const { records, last } of rows.pages(after, request)) {
    request.signal.throwIfAborted()
    const position: Position = { of, after: last }
    const told = isFirst && unreadable.length > 0 ? { unreadable } : {}
    isFirst = false
    yield { records, position: JSON.stringify(position), ...told }
  }
  request.signal.throwIfAborted()
  if (isFirst && unreadable.length > 0)
    yield { records: [], position: JSON.stringify({ of, after: of === 'elements' ? [''] : ['', '', ''] }), unreadable }
}

async function describe(
  session: PostgresSession,
  { table, query }: { table: string; query: string | undefined },
): Promise<PostgresRowsFrom> {
  const name = table.split('.').map(quoted).join('.')
  const source = query === undefined ? name : `(${query}) as given`
  const [found] = await session.exchange([{ text: `select * from ${source} limit 0` }]).catch(error => {
    const failure = postgresFailure(error, 'source_failed')
    if (failure instanceof HotwellError && !failure.retryable)
      throw new HotwellError('invalid_configuration', failure.message, { cause: error })
    throw error
  })
  const place = query === undefined ? `the table ${table}` : 'the query'
  const [sorted] = await session.exchange([
    {
      text: `select attname as name from pg_attribute join pg_collation on pg_collation.oid = attcollation
        where attrelid = to_regclass($1) and collname in ('C', 'POSIX', 'ucs_basic') and atttypid in (25, 1043)`,
      values: [query === undefined ? name : null],
    },
  ])
  return { source, place, columns: found!.fields, byBytes: new Set(sorted!.rows.map(row => String(row.name))) }
}

async function hasTable(session: PostgresSession, name: string): Promise<boolean> {
  const [found] = await session.exchange([{ text: 'select to_regclass($1) is not null as is', values: [name] }])
  return (found!.rows[0] as { is: boolean }).is
}

async function failing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw postgresFailure(error, 'source_failed')
  }
}

function idOf(record: unknown): string {
  return String((record as { id: unknown }).id)
}

function* inParts(ids: Iterable<string>): Generator<string[]> {
  const all = [...ids]
  for (let at = 0; at < all.length; at += idsAtOnce) yield all.slice(at, at + idsAtOnce)
}

function parsePosition(text: string | undefined): Position {
  if (text === undefined) return { of: 'elements' }
  try {
    const { of, after } = JSON.parse(text)
    const isKey = Array.isArray(after) && after.every(part => typeof part === 'string' && !part.includes('\0'))
    if (isKey && ((of === 'elements' && after.length === 1) || (of === 'relations' && after.length === 3)))
      return { of, after }
  } catch {
    // It is none.
  }
  throw new HotwellError('position_lost', 'The position is none of a PostgreSQL source. It is read from the start.')
}
