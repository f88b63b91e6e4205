import type { SqlTables } from '../../ledger/sql-tables.ts'
import type { PostgresSession } from './postgres-session.ts'
import { type FoundColumn, type NeededColumn, refuseShape, wrongWithColumns } from './table-shape.ts'

/** Rows are copied in the binary form of the column's type: no other one takes it. */
const isText = (type: string) => type === 'text' || type === 'character varying'
const only = (type: string): NeededColumn => ({ type, takes: given => given === type })

const text: NeededColumn = { type: 'text', takes: isText }
const id: NeededColumn = { ...text, isId: true }
const elementColumns: Record<string, NeededColumn> = {
  id,
  type: text,
  name: text,
  owner_id: { ...id, mayBeNull: true },
  attributes: only('jsonb'),
  modified_at: { ...only('timestamp with time zone'), mayBeNull: true },
  origin: text,
  hash: text,
}
const relationColumns: Record<string, NeededColumn> = { from_id: id, type: text, to_id: id, origin: text }

const bytewise = 'text collate "C"'

interface Column {
  readonly relation: 'elements' | 'relations'
  readonly name: string
  readonly type: string
  readonly is_by_bytes: boolean
  readonly is_not_null: boolean
  readonly fills_itself: boolean
}

/**
 * Looks whether rows can be written into the tables, whoever made them: otherwise each row would be refused for what is
 * the table's fault, or be taken for something else.
 * @throws HotwellError `invalid_configuration`
 */
export async function checkShape(session: PostgresSession, { elements, relations }: SqlTables): Promise<void> {
  const columns = await session.sql.all<Column>(
    `select case attrelid when cast(? as regclass) then 'elements' else 'relations' end as relation, attname as name,
        format_type(coalesce(nullif(typbasetype, 0), pg_type.oid), null) as type,
        coalesce(collname in ('C', 'POSIX', 'ucs_basic'), true) as is_by_bytes,
        attnotnull as is_not_null, atthasdef or attidentity <> '' as fills_itself
      from pg_attribute join pg_type on pg_type.oid = atttypid left join pg_collation on pg_collation.oid = attcollation
      where attrelid in (cast(? as regclass), cast(? as regclass)) and attnum > 0 and not attisdropped
      order by relation, attnum`,
    [elements, elements, relations],
  )
  const [unique] = await session.sql.all<{ elements: boolean; relations: boolean }>(
    `select ${hasUnique(['id'])} as elements, ${hasUnique(['from_id', 'to_id', 'type'])} as relations`,
    [elements, relations],
  )
  const wrong = [
    ...wrongWithColumns(elements, elementColumns, columnsOf('elements', columns), bytewise),
    ...wrongWithColumns(relations, relationColumns, columnsOf('relations', columns), bytewise),
  ]
  if (!unique!.elements) wrong.push(`${elements} has no primary key (id)`)
  if (!unique!.relations) wrong.push(`${relations} has no primary key (from_id, type, to_id)`)
  refuseShape(wrong)
}

function columnsOf(relation: Column['relation'], columns: readonly Column[]): FoundColumn[] {
  return columns
    .filter(column => column.relation === relation)
    .map(({ name, type, is_by_bytes, is_not_null, fills_itself }) => {
      return { name, type, isByBytes: is_by_bytes, isNotNull: is_not_null, fillsItself: fills_itself }
    })
}

/** Of these columns, in the order of their names, and of nothing else. */
function hasUnique(names: readonly string[]): string {
  const found = `(select array_agg(cast(attname as text) order by cast(attname as text) collate "C") from pg_attribute
    where attrelid = indrelid and attnum = any ((cast(indkey as int2[]))[0 : indnkeyatts - 1]))`
  return `exists (select 1 from pg_index where indrelid = cast(? as regclass) and indisunique and indisvalid
    and indimmediate and indpred is null and indexprs is null and indnkeyatts = ${names.length} and ${found} = '{${names.join(',')}}')`
}
