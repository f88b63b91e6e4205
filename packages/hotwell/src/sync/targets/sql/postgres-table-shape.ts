import { HotwellError } from '../../../core/errors.ts'
import type { SqlTables } from '../../ledger/sql-tables.ts'
import type { PostgresSession } from './postgres-session.ts'

const texts = ['text', 'character varying']

/** A column that rows are copied into, in the binary form of its type. */
interface Needed {
  readonly types: readonly string[]
  readonly isId?: boolean
  readonly mayBeNull?: boolean
}

/** Of what is wrong. */
const mostTold = 5

const id: Needed = { types: texts, isId: true }
const text: Needed = { types: texts }
const elementColumns: Record<string, Needed> = {
  id,
  type: text,
  name: text,
  owner_id: { ...id, mayBeNull: true },
  attributes: { types: ['jsonb'] },
  modified_at: { types: ['timestamp with time zone'], mayBeNull: true },
  origin: text,
  hash: text,
}
const relationColumns: Record<string, Needed> = { from_id: id, type: text, to_id: id, origin: text }

interface Column {
  readonly relation: 'elements' | 'relations'
  readonly name: string
  readonly type: string
  readonly is_by_bytes: boolean
  readonly is_due: boolean
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
        attnotnull and not atthasdef and attidentity = '' as is_due
      from pg_attribute join pg_type on pg_type.oid = atttypid left join pg_collation on pg_collation.oid = attcollation
      where attrelid in (cast(? as regclass), cast(? as regclass)) and attnum > 0 and not attisdropped
      order by relation, attnum`,
    [elements, elements, relations],
  )
  const [unique] = await session.sql.all<{ elements: boolean; relations: boolean }>(
    `select ${hasUnique(['id'])} as elements, ${hasUnique(['from_id', 'to_id', 'type'])} as relations`,
    [elements, relations],
  )
  const wrong = columns.flatMap(column => wrongWith(column, { elements, relations }))
  if (!unique!.elements) wrong.push(`${elements} has no primary key (id)`)
  if (!unique!.relations) wrong.push(`${relations} has no primary key (from_id, type, to_id)`)
  if (wrong.length === 0) return
  const told = wrong.slice(0, mostTold).join('; ')
  const more = wrong.length > mostTold ? `; and ${wrong.length - mostTold} more` : ''
  throw new HotwellError(
    'invalid_configuration',
    `Nothing can be written into these tables: ${told}${more}. Change them, or give the sync tables of its own by a prefix.`,
  )
}

function wrongWith(
  { relation, name, type, is_by_bytes, is_due }: Column,
  tables: Pick<SqlTables, Column['relation']>,
): string[] {
  const place = `${tables[relation]}.${name}`
  const needed = (relation === 'elements' ? elementColumns : relationColumns)[name]
  if (!needed) return is_due ? [`${place} is not null and has no default`] : []
  if (!needed.types.includes(type)) return [`${place} is ${type}, and has to be ${needed.types[0]}`]
  if (needed.isId && !is_by_bytes)
    return [`ids are compared as bytes, and ${place} has another collation: make it text collate "C"`]
  return needed.mayBeNull && is_due ? [`${place} is not null, and not every row has one`] : []
}

/** Of these columns, in the order of their names, and of nothing else. */
function hasUnique(names: readonly string[]): string {
  const found = `(select array_agg(cast(attname as text) order by cast(attname as text) collate "C") from pg_attribute
    where attrelid = indrelid and attnum = any ((cast(indkey as int2[]))[0 : indnkeyatts - 1]))`
  return `exists (select 1 from pg_index where indrelid = cast(? as regclass) and indisunique and indisvalid
    and indimmediate and indpred is null and indexprs is null and indnkeyatts = ${names.length} and ${found} = '{${names.join(',')}}')`
}
