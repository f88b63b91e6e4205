import { createLedger, type SqlTables } from '../../ledger/sql-tables.ts'
import { duplicateTable, insufficientPrivilege, sqlState, uniqueViolation } from './postgres-errors.ts'
import { graphLockClass, type PostgresSession } from './postgres-session.ts'
import { checkShape } from './postgres-table-shape.ts'

/**
 * Makes the tables that are missing, or looks whether those that are there can be used.
 * @throws HotwellError `invalid_configuration` for columns of other types, and ids in another order than that of their
 * bytes
 */
export async function ensureTables(session: PostgresSession, tables: SqlTables): Promise<void> {
  if (!(await haveAll(session, tables))) await session.transaction(() => makeTables(session, tables))
  await checkShape(session, tables)
}

/** Whether there is nothing left for {@link settleTables}. */
export async function areSettled(session: PostgresSession, tables: SqlTables): Promise<boolean> {
  const there = Object.keys(indexesOf(tables)).map(() => 'to_regclass(?) is not null')
  const [found] = await session.sql.all<{ are: boolean }>(`select ${there.join(' and ')} as are`, [
    ...Object.keys(indexesOf(tables)),
  ])
  return found!.are && !(await isUnknown(session, tables))
}

/** What is faster to make once the rows are there than to keep up to date with each. */
export async function settleTables(session: PostgresSession, tables: SqlTables): Promise<void> {
  // An index that is made counts the rows, and no more.
  const isNew = await isUnknown(session, tables)
  for (const [name, place] of Object.entries(indexesOf(tables))) {
    const [there] = await session.sql.all<{ is: boolean }>(`select to_regclass(?) is not null as is`, [name])
    if (!there!.is) await session.sql.run(`create index if not exists ${name} on ${place}`).catch(leftToOthers)
  }
  if (isNew) await analyze(session, tables)
}

export async function hasOwnerIndex(session: PostgresSession, { elements }: SqlTables): Promise<boolean> {
  const [there] = await session.sql.all<{ is: boolean }>(`select to_regclass(?) is not null as is`, [
    `${elements}_owner_id`,
  ])
  return there!.is
}

/** By their names. */
function indexesOf({ elements, relations }: SqlTables): Record<string, string> {
  return { [`${elements}_owner_id`]: `${elements} (owner_id)`, [`${relations}_to_id`]: `${relations} (to_id)` }
}

/** Whether PostgreSQL has not looked yet what is in the table. */
async function isUnknown(session: PostgresSession, { elements }: SqlTables): Promise<boolean> {
  const [known] = await session.sql.all<{ is: boolean }>(
    `select reltuples > 0 as is from pg_class where oid = to_regclass(?)`,
    [elements],
  )
  return !known?.is
}

/**
 * Until PostgreSQL does so itself, within a minute, its planner would guess. A small sample of the columns that matter will
 * do so long; that not all are named leaves it to PostgreSQL to look properly.
 */
async function analyze(session: PostgresSession, { elements, relations }: SqlTables): Promise<void> {
  await session.transaction(() => {
    session.defer({ text: 'set local default_statistics_target = 10' })
    return session.sql.run(`analyze ${elements} (id, owner_id, origin), ${relations} (from_id, type, to_id)`)
  })
}

/**
 * Whoever may only write rows has them written; an index is its table's owner's to make. Of two that make it at once one
 * fails, "if not exists" or not.
 */
function leftToOthers(error: unknown): void {
  const state = sqlState(error)
  if (state !== insufficientPrivilege && state !== uniqueViolation && state !== duplicateTable) throw error
}

async function haveAll(session: PostgresSession, tables: SqlTables): Promise<boolean> {
  const found = Object.values(tables).map(() => 'to_regclass(?) is not null')
  const [row] = await session.sql.all<{ are: boolean }>(`select ${found.join(' and ')} as are`, Object.values(tables))
  return row!.are
}

async function makeTables(session: PostgresSession, tables: SqlTables): Promise<void> {
  // Two that make the same table at once would get in each other's way, "if not exists" or not.
  await session.sql.all(`select pg_advisory_xact_lock(${graphLockClass}, 0)`)
  if (await haveAll(session, tables)) return
  const { elements, relations, positions, seen, pending } = tables
  const needed = [elements, relations, seen, pending]
  const [former] = await session.sql.all<{ is_lost: boolean }>(
    `select to_regclass(?) is not null and (${needed.map(() => 'to_regclass(?) is null').join(' or ')}) as is_lost`,
    [positions, ...needed],
  )
  await createLedger(session.sql, tables)
  // Whoever was in the middle of them ends, and nobody goes on where rows are gone.
  if (former!.is_lost) await session.sql.run(`update ${positions} set saved = '', epoch = epoch + 1`)
  await session.sql.run(`create table if not exists ${elements} (
    id text collate "C" primary key, type text not null, name text not null, owner_id text collate "C",
    attributes jsonb not null, modified_at timestamptz, origin text not null, hash text not null)`)
  await session.sql.run(`create table if not exists ${relations} (
    from_id text collate "C" not null, type text collate "C" not null, to_id text collate "C" not null,
    origin text not null, primary key (from_id, type, to_id))`)
}
