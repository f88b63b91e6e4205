import { HotwellError } from '../../core/errors.ts'
import type { RowField } from '../targets/sql/postgres-exchange.ts'

/** A column's name, or the same for all rows; `false`: there is none. */
export type PostgresColumn = string | { readonly value: string } | false

/** Which columns tell what of an element. A default holds where there is such a column. */
export interface PostgresElementColumns {
  /** @default 'id' */
  readonly id?: string
  /** @default 'type' */
  readonly type?: PostgresColumn
  /** @default 'name' */
  readonly name?: PostgresColumn
  /** @default 'owner_id' */
  readonly ownerId?: PostgresColumn
  /**
   * A column that holds a JSON object, or columns each of which is an attribute.
   * @default the column `attributes`, else all columns that are nothing else
   */
  readonly attributes?: string | readonly string[]
  /** An instant (one without a zone is in UTC), a text in ISO 8601, or a number of ms since 1970. @default 'modified_at' */
  readonly modifiedAt?: PostgresColumn
  /** True, or anything but zero and null, for what is gone: also an instant. @default 'deleted' */
  readonly deleted?: PostgresColumn
}

/** Which columns tell what of a relation. */
export interface PostgresRelationColumns {
  /** @default 'from_id' */
  readonly from?: string
  /** @default 'type' */
  readonly type?: PostgresColumn
  /** @default 'to_id' */
  readonly to?: string
  /** @default 'deleted' */
  readonly deleted?: PostgresColumn
}

/** How rows become records. */
export interface PostgresMapping {
  readonly kind: 'element' | 'relation'
  /** For people. */
  readonly place: string
  /** After `from`. */
  readonly source: string
  /** What is selected: an SQL expression for each field of a record. */
  readonly fields: Readonly<Record<string, string>>
  /** The fields that name a record, in order. */
  readonly key: readonly string[]
  /** The types of the columns behind fields, where there are any; object ids. */
  readonly types: Readonly<Record<string, number>>
  /** The columns themselves. */
  readonly columns: Readonly<Record<string, string>>
}

export interface PostgresRowsFrom {
  /** After `from`. */
  readonly source: string
  readonly place: string
  readonly columns: readonly RowField[]
  /** Those whose order is that of bytes. */
  readonly byBytes: ReadonlySet<string>
}

/** Object ids of types. https://www.postgresql.org/docs/15/catalog-pg-type.html */
export const postgresTypes = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  varchar: 1043,
  uuid: 2950,
} as const
const numbers = new Set([20, 21, 23, 700, 701, 1700])
const instants = new Set([1082, 1114, 1184])
const largestExact = Number.MAX_SAFE_INTEGER

/** @throws HotwellError `invalid_configuration` */
export function elementMapping(from: PostgresRowsFrom, given: PostgresElementColumns = {}): PostgresMapping {
  const { id = 'id', type, name, ownerId, modifiedAt, deleted, attributes } = given
  const chosen = choose(from, { id: [id], type: [type, 'type'], name: [name, 'name'], ownerId: [ownerId, 'owner_id'] })
  const more = choose(from, { modifiedAt: [modifiedAt, 'modified_at'], deleted: [deleted, 'deleted'] })
  const columns = { ...chosen.columns, ...more.columns }
  const types = { ...chosen.types, ...more.types }
  const used = new Set(Object.values(columns))
  const all = from.columns.map(column => column.name)
  const isJson = typeof attributes === 'string' || (attributes === undefined && all.includes('attributes'))
  const json = typeof attributes === 'string' ? attributes : 'attributes'
  const listed = Array.isArray(attributes) ? (attributes as string[]) : all.filter(column => !used.has(column))
  const fields = {
    ...texts(from, chosen),
    attributes: isJson ? `cast(${quoted(columnOf(from, json).name)} as text)` : objectOf(from, listed),
    ...gone(more),
    ...(more.fields.modifiedAt && { modifiedAt: milliseconds(more.fields.modifiedAt, types.modifiedAt) }),
  }
  const { source, place } = from
  return { kind: 'element', place, source, fields, key: ['id'], types, columns }
}

/** @throws HotwellError `invalid_configuration` */
export function relationMapping(from: PostgresRowsFrom, given: PostgresRelationColumns = {}): PostgresMapping {
  const key = choose(from, { from: [given.from ?? 'from_id'], type: [given.type ?? 'type'], to: [given.to ?? 'to_id'] })
  const more = choose(from, { deleted: [given.deleted, 'deleted'] })
  const columns = { ...key.columns, ...more.columns }
  const types = { ...key.types, ...more.types }
  const { source, place } = from
  const fields = { ...texts(from, key), ...gone(more) }
  return { kind: 'relation', place, source, fields, key: ['from', 'type', 'to'], types, columns }
}

interface Chosen {
  readonly fields: Record<string, string>
  readonly columns: Record<string, string>
  readonly types: Record<string, number>
}

/** For each field what was chosen, else the usual column if there is one. */
function choose(from: PostgresRowsFrom, choices: Record<string, [PostgresColumn | undefined, string?]>): Chosen {
  const chosen: Chosen = { fields: {}, columns: {}, types: {} }
  for (const [field, [choice, usual]] of Object.entries(choices)) {
    if (typeof choice === 'object') chosen.fields[field] = `'${choice.value.replaceAll("'", "''")}'`
    else if (choice === false || (choice === undefined && !from.columns.some(({ name }) => name === usual))) continue
    else {
      const { name, dataTypeID } = columnOf(from, choice ?? usual!)
      chosen.fields[field] = quoted(name)
      chosen.columns[field] = name
      chosen.types[field] = dataTypeID
    }
  }
  return chosen
}

/** Texts in the order of their bytes; a column that is so itself may have an index. */
function texts({ byBytes }: PostgresRowsFrom, { fields, columns }: Chosen): Record<string, string> {
  const entries = Object.entries(fields).map(([field, expression]) => {
    const isItself = columns[field] !== undefined && byBytes.has(columns[field])
    return [field, isItself ? expression : `(cast(${expression} as text) collate "C")`]
  })
  return Object.fromEntries(entries)
}

function gone({ fields, types }: Chosen): Record<string, string> {
  const { deleted } = fields
  if (deleted === undefined) return {}
  if (types.deleted === postgresTypes.bool) return { deleted: `(${deleted} is true)` }
  return { deleted: numbers.has(types.deleted ?? 0) ? `(coalesce(${deleted}, 0) <> 0)` : `(${deleted} is not null)` }
}

function milliseconds(expression: string, type: number | undefined): string {
  if (instants.has(type ?? 0)) return `cast(extract(epoch from ${expression}) * 1000 as float8)`
  return numbers.has(type ?? 0) ? `cast(${expression} as float8)` : `cast(${expression} as text)`
}

/** Each column an attribute, as JSON has it: integers that are no exact numbers there as texts, bytes in base64. */
function objectOf(from: PostgresRowsFrom, names: readonly string[]): string {
  if (names.length === 0) return `'{}'`
  const values = names.map(name => {
    const column = quoted(name)
    const { dataTypeID } = columnOf(from, name)
    if (dataTypeID === postgresTypes.bytea) return `translate(encode(${column}, 'base64'), E'\\n', '') as ${column}`
    if (dataTypeID !== postgresTypes.int8) return column
    const isExact = `${column} between ${-largestExact} and ${largestExact}`
    return `case when ${isExact} then to_json(${column}) else to_json(cast(${column} as text)) end as ${column}`
  })
  return `(select cast(to_json(one) as text) from (select ${values.join(', ')}) as one)`
}

function columnOf({ columns }: PostgresRowsFrom, name: string): RowField {
  const found = columns.find(column => column.name === name)
  if (found) return found
  const all = columns.map(column => column.name).join(', ')
  throw new HotwellError('invalid_configuration', `There is no column "${name}"; there are ${all}.`)
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
