import { hash } from 'node:crypto'
import { resolve } from 'node:path'
import { HotwellError } from '../../core/errors.ts'
import { checkKnown } from '../check-known.ts'
import { canonicalJson } from '../model/canonical-json.ts'
import type { ReadRequest, Source, SourcePage } from '../source.ts'
import { type ElementColumns, elementColumns, type RelationColumns, relationColumns } from './sqlite-columns.ts'
import { SqliteFile } from './sqlite-file.ts'
import { SqliteRows } from './sqlite-rows.ts'

export interface SqliteSourceOptions {
  /** A table or view whose rows are elements. @default 'elements' */
  table?: string
  /** Instead of a table: a select whose rows are elements. */
  query?: string
  /** Which columns tell what. */
  columns?: ElementColumns
  /** Where relations are; `false`: there are none. @default the table `relations` if there is one */
  relations?: { table?: string; query?: string; columns?: RelationColumns } | false
  /** For how long it is tried again while others lock the file, in ms; then it is a failure. @default 5000 */
  busyLimitMs?: number
}

type Position = { readonly of: 'elements' | 'relations'; readonly after?: readonly string[] }

/** So many ids are asked for by one statement. */
const idsAtOnce = 500

/**
 * Reads an SQLite file through a connection of its own that only reads and holds no lock between pages: in the order of
 * ids, so that whatever is there throughout is met. The defaults fit what the target `sqlite` writes. A table without an
 * index that has the ids in BINARY order is copied into a temporary table, and read from there.
 * @throws HotwellError `invalid_configuration`; `source_failed` for a file that cannot be read
 */
export function sqlite(path: string, options: SqliteSourceOptions = {}): Source {
  if (typeof path !== 'string' || path === '')
    throw new HotwellError('invalid_configuration', 'A source of SQLite needs the path of its file.')
  checkKnown('The source sqlite', options, ['table', 'query', 'columns', 'relations', 'busyLimitMs'])
  const { table, query, columns, relations, busyLimitMs = 5000 } = options
  for (const given of [options, relations || {}])
    if (given.table !== undefined && given.query !== undefined)
      throw new HotwellError('invalid_configuration', 'A source reads a table or a query: name one of the two.')
  const place = resolve(path)
  const asked = canonicalJson({ table, query, columns, relations })
  // Of a mapping only a hash: it may be long.
  const identity = asked === '{}' ? place : `${place} ${hash('sha256', asked, 'base64url').slice(0, 22)}`
  let forIds: Promise<Tables> | undefined

  async function open(): Promise<Tables> {
    const file = await SqliteFile.open(place, busyLimitMs)
    try {
      const elements = new SqliteRows(file, elementColumns(file, { table: table ?? 'elements', query }, columns))
      const from = relations || {}
      const isThere = relations || file.has('relations')
      const known = isThere && relations !== false
      const edges = known
        ? new SqliteRows(
            file,
            relationColumns(file, { table: from.table ?? 'relations', query: from.query }, from.columns),
          )
        : undefined
      return { file, elements, relations: edges }
    } catch (error) {
      file.close()
      throw error
    }
  }

  function kept(): Promise<Tables> {
    forIds ??= open().catch(error => {
      forIds = undefined
      throw error
    })
    return forIds
  }

  return {
    name: 'sqlite',
    identity,
    consistency: 'keyset',
    order: 'id-bytes',
    cursors: 'durable',
    async *read(request) {
      request.signal.throwIfAborted()
      let at = parsePosition(request.after)
      const tables = await open()
      try {
        if (at.of === 'elements') {
          yield* pages(tables.elements, at, request)
          at = { of: 'relations' }
        }
        if (tables.relations) yield* pages(tables.relations, at, request)
      } finally {
        tables.file.close()
      }
    },
    async get(ids, { signal }) {
      const { elements } = await kept()
      const found: unknown[] = []
      for (const some of inParts(new Set(ids))) {
        signal.throwIfAborted()
        found.push(...(await elements.withIds('id', some)).records)
      }
      return found.filter(record => !(record as { deleted?: boolean }).deleted)
    },
    async *subtree(root, depth, { signal }) {
      const { elements, relations: edges } = await kept()
      const met = new Set<string>()
      let level: unknown[] = (await elements.withIds('id', [root])).records
      for (let down = 0; level.length > 0; down++) {
        const ids = level.map(record => String((record as { id: unknown }).id)).filter(id => !met.has(id))
        const next: unknown[] = []
        for (const id of ids) met.add(id)
        for (const some of inParts(ids)) {
          signal.throwIfAborted()
          const of = new Set(some)
          const own = level.filter(record => of.has(String((record as { id: unknown }).id)))
          yield { records: [...own, ...((await edges?.withIds('from', some))?.records ?? [])], position: '' }
          if (down < depth) next.push(...(await elements.withIds('ownerId', some)).records)
        }
        level = next
      }
    },
    async close() {
      const tables = await forIds?.catch(() => undefined)
      forIds = undefined
      tables?.file.close()
    },
  }
}

interface Tables {
  readonly file: SqliteFile
  readonly elements: SqliteRows
  readonly relations: SqliteRows | undefined
}

async function* pages(rows: SqliteRows, { of, after }: Position, request: ReadRequest): AsyncGenerator<SourcePage> {
  await rows.prepare()
  let unreadable = after ? [] : await rows.withoutKey()
  let from = after
  for (;;) {
    request.signal.throwIfAborted()
    const page = await rows.page(from, request)
    if (!page.last && unreadable.length === 0) return
    from = page.last ?? from
    const position: Position = { of, after: from }
    yield { records: page.records, position: JSON.stringify(position), ...(unreadable.length > 0 && { unreadable }) }
    if (!page.last) return
    unreadable = []
  }
}

function* inParts(ids: Iterable<string>): Generator<string[]> {
  const all = [...ids]
  for (let at = 0; at < all.length; at += idsAtOnce) yield all.slice(at, at + idsAtOnce)
}

function parsePosition(text: string | undefined): Position {
  if (text === undefined) return { of: 'elements' }
  try {
    const { of, after } = JSON.parse(text)
    const isKey = after === undefined || (Array.isArray(after) && after.every(part => typeof part === 'string'))
    const isLong = after === undefined || after.length === (of === 'elements' ? 1 : 3)
    if ((of === 'elements' || of === 'relations') && isKey && isLong) return { of, after }
  } catch {
    // It is none.
  }
  throw new HotwellError('position_lost', 'The position is none of an SQLite source. It is read from the start.')
}
