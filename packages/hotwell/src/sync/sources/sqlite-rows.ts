import type { SQLInputValue } from 'node:sqlite'
import type { SyncFilter } from '../model/filter.ts'
import type { ReadRequest, UnreadableRecord } from '../source.ts'
import { quoted, type RowMapping } from './sqlite-columns.ts'
import type { SqliteFile, SqliteRow } from './sqlite-file.ts'
import { RowReader } from './sqlite-row-reader.ts'

interface Condition {
  readonly text: string
  readonly values: readonly SQLInputValue[]
}

export interface RowsPage {
  readonly records: unknown[]
  /** The key of the last row; absent: there was none. */
  readonly last: readonly string[] | undefined
}

let copies = 0

/** Rows of a table or query, in the order of their keys' bytes. */
export class SqliteRows {
  readonly #file: SqliteFile
  readonly #mapping: RowMapping
  readonly #reader: RowReader
  /** Where pages are read: the table itself, or a copy in the right order. */
  #from: string
  #isCopy = false

  constructor(file: SqliteFile, mapping: RowMapping) {
    this.#file = file
    this.#mapping = mapping
    this.#reader = new RowReader(mapping)
    this.#from = `(select ${this.#selected(name => mapping.fields[name]!)} from ${mapping.source})`
  }

  /** Makes a copy where no index would give the order. */
  async prepare(): Promise<void> {
    if (await this.#hasIndex()) return
    const { key, source, fields } = this.#mapping
    const name = `temp.hotwell_${++copies}`
    const isKey = key.map(field => `${fields[field]} is not null`).join(' and ')
    const columns = this.#selected(field => (key.includes(field) ? `cast(${fields[field]} as text)` : fields[field]!))
    await this.#file.all(`create table ${name} as select ${columns} from ${source} where ${isKey}`)
    await this.#file.all(`create index ${name}_key on ${name.slice(5)} (${key.map(quoted).join(', ')})`)
    this.#from = name
    this.#isCopy = true
  }

  /** Rows that nothing can name. */
  async withoutKey(): Promise<UnreadableRecord[]> {
    const { key, source, fields, table } = this.#mapping
    const isNone = key.map(field =>
      // An index knows no other types where the column is a text.
      this.#isCopy ? `${fields[field]} is null` : `typeof(${fields[field]}) <> 'text'`,
    )
    const [row] = await this.#file.all(`select count(*) as count from ${source} where ${isNone.join(' or ')}`)
    if (!row?.count) return []
    const place = table === undefined ? 'the query' : `the table ${table}`
    const wanted = this.#isCopy ? 'a value' : 'a text'
    return [{ place, reason: `${row.count} of its rows lack ${wanted} in ${key.join(', ')}.` }]
  }

  async page(after: readonly string[] | undefined, { filter, pageRecords, pageBytes }: ReadRequest): Promise<RowsPage> {
    const { key } = this.#mapping
    const columns = key.map(quoted).join(', ')
    const conditions = this.#filtered(filter)
    if (!this.#isCopy) conditions.push(...key.map(field => ({ text: `typeof(${quoted(field)}) = 'text'`, values: [] })))
    if (after) conditions.push({ text: `(${columns}) > (${after.map(() => '?').join(', ')})`, values: after })
    const rows = await this.#select(conditions, `order by ${columns} limit ${pageRecords}`)
    const last = rows.at(-1)
    // A copy may have several of one key: a page ends behind all of them.
    if (last && this.#isCopy && rows.length === pageRecords) {
      const same = { text: `(${columns}) = (${key.map(() => '?').join(', ')})`, values: keyOf(last, key) }
      while (rows.length > 0 && String(keyOf(rows.at(-1)!, key)) === String(same.values)) rows.pop()
      rows.push(...(await this.#select([...this.#filtered(filter), same], 'order by rowid')))
    }
    return this.#reader.page(rows, pageBytes, this.#isCopy)
  }

  /** Rows one of whose fields is one of some ids. */
  async withIds(field: string, ids: readonly string[]): Promise<RowsPage> {
    const { fields, source } = this.#mapping
    const expression = fields[field]
    if (expression === undefined) return { records: [], last: undefined }
    // Only a column's affinity makes a number equal to its text, and only without a cast an index is of use.
    const isTyped = ['text', 'integer'].includes(await this.#affinity(field))
    const compared = isTyped ? expression : `cast(${expression} as text)`
    const select = `select ${this.#selected(name => fields[name]!)} from ${source}`
    const where = `where ${compared} in (select value from json_each(?)) order by 1`
    const rows = await this.#file.all(`${select} ${where}`, [JSON.stringify(ids)])
    const asked = new Set(ids)
    return this.#reader.page(
      rows.filter(row => asked.has(String(row[field]))),
      Number.POSITIVE_INFINITY,
      true,
    )
  }

  #select(conditions: readonly Condition[], rest: string): Promise<SqliteRow[]> {
    const where = conditions.length > 0 ? `where ${conditions.map(({ text }) => text).join(' and ')}` : ''
    return this.#file.all(
      `select * from ${this.#from} ${where} ${rest}`,
      conditions.flatMap(({ values }) => [...values]),
    )
  }

  #selected(expression: (field: string) => string): string {
    const { fields, attributes } = this.#mapping
    const own = Object.keys(fields).map(name => `${expression(name)} as ${quoted(name)}`)
    return [...own, ...attributes.map(name => `${quoted(name)} as ${quoted(`attribute ${name}`)}`)].join(', ')
  }

  /** What of a filter the rows can tell; what is gone only has an id. */
  #filtered({ types, typesExcept, fromId, toId, modifiedFromAt, modifiedToAt }: SyncFilter): Condition[] {
    const { kind, fields, key } = this.#mapping
    const conditions: Condition[] = []
    const add = (text: string, value: SQLInputValue) => conditions.push({ text, values: [value] })
    const id = quoted(key[0]!)
    if (fromId !== undefined) add(`${id} >= ?`, fromId)
    if (toId !== undefined) add(`${id} < ?`, toId)
    if (kind === 'relation') return conditions
    const orGone = fields.deleted ? ' or "deleted"' : ''
    const type = fields.type ? `coalesce("type", '')` : `''`
    if (types) add(`(${type} in (select value from json_each(?))${orGone})`, JSON.stringify(types))
    if (typesExcept) add(`(${type} not in (select value from json_each(?))${orGone})`, JSON.stringify(typesExcept))
    if (!fields.modifiedAt) return conditions
    const orUnknown = `typeof("modifiedAt") not in ('integer', 'real')${orGone}`
    if (modifiedFromAt !== undefined) add(`("modifiedAt" >= ? or ${orUnknown})`, modifiedFromAt)
    if (modifiedToAt !== undefined) add(`("modifiedAt" < ? or ${orUnknown})`, modifiedToAt)
    return conditions
  }

  /** Whether the table has its rows by their key, each once, as texts. */
  async #hasIndex(): Promise<boolean> {
    const { table, key, columns } = this.#mapping
    if (table === undefined || key.some(field => columns[field] === undefined)) return false
    for (const field of key) if ((await this.#affinity(field)) !== 'text') return false
    const indexes = await this.#file.all(`select name from pragma_index_list(?) where "unique" = 1 and partial = 0`, [
      table,
    ])
    for (const { name } of indexes) {
      const parts = await this.#file.all(
        'select name, coll, "desc" from pragma_index_xinfo(?) where key = 1 order by seqno',
        [String(name)],
      )
      const fits = parts.every((part, at) => part.name === columns[key[at]!] && part.coll === 'BINARY' && !part.desc)
      if (fits && parts.length === key.length) return true
    }
    return false
  }

  /** https://www.sqlite.org/datatype3.html#determination_of_column_affinity */
  async #affinity(field: string): Promise<string> {
    const { table, columns } = this.#mapping
    if (table === undefined || columns[field] === undefined) return 'none'
    const [column] = await this.#file.all('select type from pragma_table_xinfo(?) where name = ?', [
      table,
      columns[field],
    ])
    const type = String(column?.type ?? '')
    if (/int/i.test(type)) return 'integer'
    return /char|clob|text/i.test(type) ? 'text' : 'other'
  }
}

function keyOf(row: SqliteRow, key: readonly string[]): string[] {
  return key.map(field => String(row[field]))
}
