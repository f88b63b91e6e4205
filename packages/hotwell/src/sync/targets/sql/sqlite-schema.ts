import type { DatabaseSync } from 'node:sqlite'
import type { SqlConnection } from '../../ledger/sql-connection.ts'
import { createLedger, type SqlTables } from '../../ledger/sql-tables.ts'
import { checkShape } from './sqlite-table-shape.ts'

/**
 * In a transaction: makes the tables that are missing, and looks whether those that are there can be used.
 * @throws HotwellError `invalid_configuration`, see {@link checkShape}
 */
export async function ensureTables(native: DatabaseSync, sql: SqlConnection, tables: SqlTables): Promise<void> {
  const { elements, relations, positions, seen, pending } = tables
  const missing = await missingOf(sql, Object.values(tables))
  await createLedger(sql, tables)
  // Whoever was in the middle of them ends, and nobody goes on where rows are gone.
  const isLost = [elements, relations, seen, pending].some(table => missing.has(table))
  if (isLost && !missing.has(positions)) await sql.run(`update ${positions} set saved = '', epoch = epoch + 1`)
  await sql.run(`create table if not exists ${elements} (
    id text primary key not null, type text not null, name text not null, owner_id text,
    attributes text not null, modified_at integer, origin text not null, hash text not null)`)
  await sql.run(`create table if not exists ${relations} (
    from_id text not null, type text not null, to_id text not null, origin text not null,
    primary key (from_id, type, to_id))`)
  checkShape(native, tables)
}

export async function haveAll(sql: SqlConnection, tables: SqlTables): Promise<boolean> {
  return (await missingOf(sql, Object.values(tables))).size === 0
}

async function missingOf(sql: SqlConnection, tables: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await sql.all<{ name: string }>(`select lower(name) as name from sqlite_schema where type <> 'index'`)
  const there = new Set(rows.map(({ name }) => name))
  return new Set(tables.filter(table => !there.has(table)))
}

/** Made once the first rows are there: that is faster than keeping them up to date with each. */
export async function settleTables(sql: SqlConnection, { elements, relations }: SqlTables): Promise<void> {
  await sql.run(`create index if not exists ${relations}_to_id on ${relations} (to_id)`)
  await sql.run(`create index if not exists ${elements}_owner_id on ${elements} (owner_id)`)
}
