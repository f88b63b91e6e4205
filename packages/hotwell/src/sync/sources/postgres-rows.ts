import type { SqlValue } from '../ledger/sql-connection.ts'
import { exactJson } from '../model/exact-json.ts'
import type { SyncFilter } from '../model/filter.ts'
import type { ReadRequest, UnreadableRecord } from '../source.ts'
import { textArray } from '../targets/sql/postgres-copy.ts'
import type { PostgresSession } from '../targets/sql/postgres-session.ts'
import { type PostgresMapping, postgresTypes, quoted } from './postgres-columns.ts'

type Row = Readonly<Record<string, unknown>>

export interface PostgresPage {
  readonly records: readonly unknown[]
  /** The key of the last row. */
  readonly last: readonly string[]
}

/** Values for `$1`, `$2`, … in the order in which they were added. */
class Values {
  readonly all: SqlValue[] = []

  add(value: SqlValue): string {
    this.all.push(value)
    return `$${this.all.length}`
  }
}

const cursor = 'hotwell_rows'
const rowsAtOnce = 2000
/** What a value costs besides its text, about. */
const valueBytes = 8

/** Rows of a table or query as records, in the order of their keys' bytes. */
export class PostgresRows {
  readonly #session: PostgresSession
  readonly #mapping: PostgresMapping

  constructor(session: PostgresSession, mapping: PostgresMapping) {
    this.#session = session
    this.#mapping = mapping
  }

  /** Behind a key, in a transaction; rows of one key are on one page. */
  async *pages(after: readonly string[] | undefined, request: ReadRequest): AsyncGenerator<PostgresPage> {
    const { key } = this.#mapping
    let rows: Row[] = []
    let bytes = 0
    let last: string[] | undefined
    for await (const row of this.#rows(after, request)) {
      const next = key.map(field => String(row[field]))
      const size = sizeOf(row)
      const isFull = rows.length >= request.pageRecords || (rows.length > 0 && bytes + size > request.pageBytes)
      if (isFull && last!.some((part, index) => part !== next[index])) {
        yield { records: rows.map(one => this.#record(one)), last: last! }
        rows = []
        bytes = 0
      }
      rows.push(row)
      bytes += size
      last = next
    }
    if (last && rows.length > 0) yield { records: rows.map(one => this.#record(one)), last }
  }

  /** Rows that nothing can name. */
  async withoutKey(): Promise<UnreadableRecord[]> {
    const { key, fields, source, place } = this.#mapping
    const isNone = key.map(field => `${fields[field]} is null`).join(' or ')
    const [found] = await this.#session.exchange([{ text: `select count(*) as count from ${source} where ${isNone}` }])
    const { count } = found!.rows[0] as { count: number }
    return count > 0 ? [{ place, reason: `${count} of its rows lack a value in ${key.join(', ')}.` }] : []
  }

  /** Rows one of whose fields is one of some ids. */
  async withIds(field: string, ids: readonly string[]): Promise<unknown[]> {
    const { fields, key, source } = this.#mapping
    const values = new Values()
    const condition = this.#isOneOf(field, ids, values)
    if (condition === undefined) return []
    const order = key.map(name => fields[name]).join(', ')
    const text = `select ${this.#selected()} from ${source} where ${condition} order by ${order}`
    const [found] = await this.#session.exchange([{ text, values: values.all }])
    const asked = new Set(ids)
    return found!.rows.filter(row => asked.has(String(row[field]))).map(row => this.#record(row))
  }

  async *#rows(after: readonly string[] | undefined, { filter, signal }: ReadRequest): AsyncGenerator<Row> {
    const { fields, key, source } = this.#mapping
    const values = new Values()
    const expressions = key.map(field => fields[field]!)
    const conditions = [
      ...expressions.map(expression => `${expression} is not null`),
      ...this.#filtered(filter, values),
    ]
    const placed = after?.map(part => values.add(part))
    if (placed) conditions.push(`(${expressions.join(', ')}) > (${placed.join(', ')})`)
    const text = `declare ${cursor} no scroll cursor for select ${this.#selected()} from ${source}
      where ${conditions.join(' and ')} order by ${expressions.join(', ')}`
    const fetch = { text: `fetch ${rowsAtOnce} from ${cursor}` }
    let found = (await this.#session.exchange([{ text, values: values.all }, fetch])).at(-1)!
    while (found.rows.length > 0) {
      signal.throwIfAborted()
      // The next ones are on their way while these are worked on.
      const next = this.#session.exchange([fetch])
      next.catch(() => {})
      yield* found.rows
      found = (await next)[0]!
    }
    await this.#session.exchange([{ text: `close ${cursor}` }])
  }

  #selected(): string {
    return Object.entries(this.#mapping.fields)
      .map(([name, expression]) => `${expression} as ${quoted(name)}`)
      .join(', ')
  }

  /** What of a filter the rows can tell; what is gone only has an id. */
  #filtered({ types, typesExcept, fromId, toId, modifiedFromAt, modifiedToAt }: SyncFilter, values: Values): string[] {
    const { kind, fields, key, types: columnTypes } = this.#mapping
    const conditions: string[] = []
    const id = fields[key[0]!]!
    if (fromId !== undefined) conditions.push(`${id} >= ${values.add(fromId)}`)
    if (toId !== undefined) conditions.push(`${id} < ${values.add(toId)}`)
    if (kind === 'relation') return conditions
    const orGone = fields.deleted ? ` or ${fields.deleted}` : ''
    const type = `coalesce(${fields.type ?? 'null'}, '')`
    if (types) conditions.push(`(${type} = any (${values.add(textArray(types))}::text[])${orGone})`)
    if (typesExcept) conditions.push(`(${type} <> all (${values.add(textArray(typesExcept))}::text[])${orGone})`)
    const { modifiedAt } = fields
    // Of a text only the engine knows what instant it is.
    if (!modifiedAt?.endsWith('float8)') || columnTypes.modifiedAt === undefined) return conditions
    const orUnknown = ` or ${modifiedAt} is null${orGone}`
    if (modifiedFromAt !== undefined)
      conditions.push(`(${modifiedAt} >= cast(${values.add(modifiedFromAt)} as float8)${orUnknown})`)
    if (modifiedToAt !== undefined)
      conditions.push(`(${modifiedAt} < cast(${values.add(modifiedToAt)} as float8)${orUnknown})`)
    return conditions
  }

  /** So that an index on the column is of use; undefined where there is none such. */
  #isOneOf(field: string, ids: readonly string[], values: Values): string | undefined {
    const { fields, columns, types } = this.#mapping
    const column = columns[field]
    const type = types[field]
    if (fields[field] === undefined) return undefined
    const { text, varchar, int2, int4, int8, uuid } = postgresTypes
    if (column !== undefined && (type === text || type === varchar))
      return `${quoted(column)} = any (${values.add(textArray(ids))}::text[])`
    if (column !== undefined && (type === int2 || type === int4 || type === int8)) {
      const given = ids.filter(id => /^-?\d{1,18}$/.test(id))
      return `${quoted(column)} = any (${values.add(`{${given.join(',')}}`)}::bigint[])`
    }
    if (column !== undefined && type === uuid) {
      const given = ids.filter(id => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
      return `${quoted(column)} = any (${values.add(`{${given.join(',')}}`)}::uuid[])`
    }
    return `${fields[field]} = any (${values.add(textArray(ids))}::text[])`
  }

  #record(row: Row): unknown {
    const deleted = row.deleted ? { deleted: true } : {}
    if (this.#mapping.kind === 'relation') return { from: row.from, type: row.type, to: row.to, ...deleted }
    const record: Record<string, unknown> = { id: row.id, ...deleted }
    for (const field of ['type', 'name', 'ownerId', 'modifiedAt'])
      if (row[field] !== null && row[field] !== undefined) record[field] = row[field]
    if (row.attributes !== null) record.attributes = parsed(String(row.attributes))
    return record
  }
}

/** What is no JSON stays a text: then the record is at fault. */
function parsed(text: string): unknown {
  try {
    return exactJson(text)
  } catch {
    return text
  }
}

function sizeOf(row: Row): number {
  let bytes = 0
  for (const name in row) bytes += typeof row[name] === 'string' ? (row[name] as string).length : valueBytes
  return bytes
}
