import { HotwellError } from '../../core/errors.ts'
import type { SqliteFile } from './sqlite-file.ts'

/** A column's name, or the same for all rows; `false`: there is none. */
export type ColumnChoice = string | { readonly value: string } | false

/** Which columns tell what of an element. A default holds where there is such a column. */
export interface ElementColumns {
  /** @default 'id' */
  readonly id?: string
  /** @default 'type' */
  readonly type?: ColumnChoice
  /** @default 'name' */
  readonly name?: ColumnChoice
  /** @default 'owner_id' */
  readonly ownerId?: ColumnChoice
  /**
   * A column that holds a JSON object, or columns each of which is an attribute.
   * @default the column `attributes`, else all columns that are nothing else
   */
  readonly attributes?: string | readonly string[]
  /** Milliseconds since 1970 or a text: ISO 8601, or as SQLite's `datetime()`. @default 'modified_at' */
  readonly modifiedAt?: ColumnChoice
  /** True for what is gone. @default 'deleted' */
  readonly deleted?: ColumnChoice
}

/** Which columns tell what of a relation. */
export interface RelationColumns {
  /** @default 'from_id' */
  readonly from?: string
  /** @default 'type' */
  readonly type?: ColumnChoice
  /** @default 'to_id' */
  readonly to?: string
  /** @default 'deleted' */
  readonly deleted?: ColumnChoice
}

export interface RowsFrom {
  readonly table?: string
  readonly query?: string
}

/** How rows become records. */
export interface RowMapping {
  readonly kind: 'element' | 'relation'
  /** Set when it is a table, whose indexes may be used. */
  readonly table: string | undefined
  /** After `from`. */
  readonly source: string
  /** An SQL expression for each field. */
  readonly fields: Readonly<Record<string, string>>
  /** Fields that name a record, in order. */
  readonly key: readonly string[]
  /** The columns behind fields, where there are any. */
  readonly columns: Readonly<Record<string, string>>
  /** Columns that are attributes. */
  readonly attributes: readonly string[]
}

/** @throws HotwellError `invalid_configuration` */
export function elementColumns(file: SqliteFile, from: RowsFrom, given: ElementColumns = {}): RowMapping {
  const chosen = choose(file, from, {
    id: [given.id, 'id'],
    type: [given.type, 'type'],
    name: [given.name, 'name'],
    ownerId: [given.ownerId, 'owner_id'],
    modifiedAt: [given.modifiedAt, 'modified_at'],
    deleted: [given.deleted, 'deleted'],
  })
  if (!chosen.fields.id) throw missing('id', chosen.all)
  const json = typeof given.attributes === 'string' ? given.attributes : undefined
  const used = new Set(Object.values(chosen.columns))
  const isJson = json !== undefined || (given.attributes === undefined && chosen.all.includes('attributes'))
  const listed = Array.isArray(given.attributes) ? given.attributes : chosen.all.filter(name => !used.has(name))
  const attributes: readonly string[] = isJson ? [json ?? 'attributes'] : listed
  for (const name of attributes) if (!chosen.all.includes(name)) throw missing(name, chosen.all)
  const fields = isJson ? { ...chosen.fields, attributes: quoted(attributes[0]!) } : chosen.fields
  return { ...chosen, kind: 'element', fields, key: ['id'], attributes: isJson ? [] : attributes }
}

/** @throws HotwellError `invalid_configuration` */
export function relationColumns(file: SqliteFile, from: RowsFrom, given: RelationColumns = {}): RowMapping {
  const chosen = choose(file, from, {
    from: [given.from, 'from_id'],
    type: [given.type, 'type'],
    to: [given.to, 'to_id'],
    deleted: [given.deleted, 'deleted'],
  })
  for (const name of ['from', 'type', 'to']) if (!chosen.fields[name]) throw missing(name, chosen.all)
  return { ...chosen, kind: 'relation', key: ['from', 'type', 'to'], attributes: [] }
}

function choose(
  file: SqliteFile,
  { table, query }: RowsFrom,
  choices: Record<string, [ColumnChoice | undefined, string]>,
) {
  const source = query === undefined ? quoted(table!) : `(${query})`
  const all = file.columnsOf(`select * from ${source} limit 0`)
  const fields: Record<string, string> = {}
  const columns: Record<string, string> = {}
  for (const [field, [choice, usual]] of Object.entries(choices)) {
    if (typeof choice === 'object') fields[field] = `'${choice.value.replaceAll("'", "''")}'`
    else if (choice === false || (choice === undefined && !all.includes(usual))) continue
    else {
      const column = choice ?? usual
      if (!all.includes(column)) throw missing(column, all)
      fields[field] = quoted(column)
      columns[field] = column
    }
  }
  return { source, fields, columns, all, table: query === undefined ? table : undefined }
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function missing(name: string, all: readonly string[]): HotwellError {
  return new HotwellError('invalid_configuration', `There is no column "${name}"; there are ${all.join(', ')}.`)
}
