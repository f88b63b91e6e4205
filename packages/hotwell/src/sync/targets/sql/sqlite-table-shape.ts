import { DatabaseSync } from 'node:sqlite'
import type { SqlTables } from '../../ledger/sql-tables.ts'
import { type FoundColumn, type NeededColumn, refuseShape, wrongWithColumns } from './table-shape.ts'

/** What becomes of a value in a column of this declared type. https://www.sqlite.org/datatype3.html#determination_of_column_affinity */
function affinity(type: string): 'integer' | 'text' | 'none' | 'real' | 'numeric' {
  if (/int/i.test(type)) return 'integer'
  if (/char|clob|text/i.test(type)) return 'text'
  if (type === '' || /blob/i.test(type)) return 'none'
  return /real|floa|doub/i.test(type) ? 'real' : 'numeric'
}

const holdsText = (type: string) => ['text', 'none'].includes(affinity(type))
const holdsInteger = (type: string) => {
  return ['integer', 'none'].includes(affinity(type)) || /^(numeric|decimal|date|datetime|timestamp)/i.test(type)
}
const text: NeededColumn = { type: 'text', takes: holdsText }
const id: NeededColumn = { ...text, isId: true }
const elementColumns: Record<string, NeededColumn> = {
  id,
  type: text,
  name: text,
  owner_id: { ...id, mayBeNull: true },
  // An object in JSON is never taken for a number, and many declare it so.
  attributes: { type: 'text', takes: type => holdsText(type) || /^jsonb?$/i.test(type) },
  modified_at: { type: 'integer', takes: holdsInteger, mayBeNull: true },
  origin: id,
  hash: id,
}
const relationColumns: Record<string, NeededColumn> = { from_id: id, type: id, to_id: id, origin: id }

interface Table {
  readonly type: string
  /** Without row ids. */
  readonly wr: number
  readonly strict: number
  readonly sql: string
}

interface Column {
  readonly name: string
  readonly type: string
  readonly notnull: number
  readonly dflt_value: string | null
  readonly pk: number
  readonly hidden: number
}

/**
 * Looks whether rows can be written into the tables, whoever made them: otherwise each row would be refused for what is
 * the table's fault, or be taken for something else.
 * @throws HotwellError `invalid_configuration`
 */
export function checkShape(native: DatabaseSync, { elements, relations }: SqlTables): void {
  refuseShape([
    ...wrongWithTable(native, elements, elementColumns, { keys: ['id'], hasRowIds: true }),
    ...wrongWithTable(native, relations, relationColumns, { keys: ['from_id', 'type', 'to_id'], hasRowIds: false }),
  ])
}

function wrongWithTable(
  native: DatabaseSync,
  name: string,
  needed: Record<string, NeededColumn>,
  { keys, hasRowIds }: { keys: readonly string[]; hasRowIds: boolean },
): string[] {
  const table = native
    .prepare(
      `select list.type, wr, strict, sql from pragma_table_list as list join sqlite_schema using (name)
      where list.schema = 'main' and lower(name) = ?`,
    )
    .get(name) as unknown as Table
  if (table.type !== 'table')
    return [`${name} is a ${table.type === 'view' ? 'view' : `${table.type} table`}, and has to be a plain table`]
  const columns = native.prepare('select * from pragma_table_xinfo(?)').all(name) as unknown as Column[]
  // What is read has the names that the table gives.
  const misspelt = columns.filter(column => !(column.name in needed) && column.name.toLowerCase() in needed)
  if (misspelt.length > 0)
    return misspelt.map(column => `${name}.${column.name} has to be written ${column.name.toLowerCase()}`)
  const filled = columns.filter(column => column.name in needed && column.hidden === 0).map(column => column.name)
  const collations = collationsOf(name, table.sql, filled)
  if (typeof collations === 'string') return [`${name} cannot be written by this process: ${collations}`]
  const found = columns.map((column): FoundColumn => {
    const { type, notnull, dflt_value, hidden } = column
    const hasDefault = dflt_value !== null && dflt_value.toLowerCase() !== 'null'
    return {
      name: column.name,
      type: typeFor(type, { isStrict: table.strict === 1, isGenerated: hidden !== 0 && column.name in needed }),
      isByBytes: (collations.get(column.name) ?? 'binary') === 'binary',
      isNotNull: notnull === 1,
      fillsItself: hasDefault || hidden !== 0 || isRowId(column),
    }
  })
  const wrong = wrongWithColumns(name, needed, found, 'text collate binary')
  const isRowIdHidden = columns.some(column => column.name.toLowerCase() === 'rowid')
  if (hasRowIds && (table.wr === 1 || isRowIdHidden)) wrong.push(`${name} has no row ids of SQLite's own`)
  const isKeyRowId = columns.some(column => column.name === keys[0] && isRowId(column))
  const areKeysThere = keys.every(key => filled.includes(key))
  if (areKeysThere && !isKeyRowId && !hasUnique(native, name, keys, collations))
    wrong.push(`${name} has no primary key (${keys.join(', ')})`)
  return wrong
}

function isRowId({ type, pk }: Column): boolean {
  return pk === 1 && type.toLowerCase() === 'integer'
}

/** As it is told and taken. A strict table refuses a text for bytes, and has a type of its own for anything. */
function typeFor(type: string, { isStrict, isGenerated }: { isStrict: boolean; isGenerated: boolean }): string {
  if (isGenerated) return 'generated'
  if (isStrict && /^blob$/i.test(type)) return 'only bytes'
  return isStrict && /^any$/i.test(type) ? '' : type
}

/**
 * By column, in small letters; or why there are none. SQLite tells them of indexes only, so that one is made over them all
 * where it costs nothing: beside an empty table of the same form.
 */
function collationsOf(name: string, sql: string, columns: readonly string[]): Map<string, string> | string {
  const form = new DatabaseSync(':memory:')
  try {
    form.exec(sql)
    if (columns.length > 0) form.exec(`create index hotwell_form on ${name} (${columns.join(', ')})`)
    const rows = form.prepare(`select name, coll from pragma_index_xinfo('hotwell_form') where key`).all()
    return new Map(rows.map(({ name, coll }) => [String(name).toLowerCase(), String(coll).toLowerCase()]))
  } catch (error) {
    return (error as Error).message
  } finally {
    form.close()
  }
}

/** Of these columns, each compared as it is in the table, and of nothing else. */
function hasUnique(
  native: DatabaseSync,
  name: string,
  keys: readonly string[],
  collations: ReadonlyMap<string, string>,
): boolean {
  const rows = native
    .prepare(
      `select list.name as of, part.name as key, coll from pragma_index_list(?) as list, pragma_index_xinfo(list.name) as part
      where list."unique" and not list.partial and part.key`,
    )
    .all(name) as unknown as { of: string; key: string | null; coll: string }[]
  const fits = ({ key, coll }: (typeof rows)[number]) =>
    key !== null && keys.includes(key.toLowerCase()) && collations.get(key.toLowerCase()) === coll.toLowerCase()
  const indexes = Map.groupBy(rows, ({ of }) => of)
  return [...indexes.values()].some(parts => parts.length === keys.length && parts.every(fits))
}
