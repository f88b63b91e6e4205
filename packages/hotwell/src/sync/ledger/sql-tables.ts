import { HotwellError } from '../../core/errors.ts'
import type { SqlConnection } from './sql-connection.ts'

/** The names of a sync's tables in its target. */
export interface SqlTables {
  readonly elements: string
  readonly relations: string
  readonly positions: string
  readonly seen: string
  readonly absent: string
  readonly pending: string
  readonly deadLetters: string
  readonly split: string
}

const prefixForm = /^[a-z_][a-z0-9_]{0,30}$/

/**
 * With a prefix of the user's, all begin with it; so several graphs have room in one database.
 * @throws HotwellError `invalid_configuration`
 */
export function sqlTables(prefix = ''): SqlTables {
  if (prefix !== '' && !prefixForm.test(prefix))
    throw new HotwellError(
      'invalid_configuration',
      `A prefix of tables is like plant_: ${prefixForm.source}, not "${prefix}".`,
    )
  const own = `${prefix}hotwell_`
  return {
    elements: `${prefix}elements`,
    relations: `${prefix}relations`,
    positions: `${own}positions`,
    seen: `${own}seen`,
    absent: `${own}absent`,
    pending: `${own}pending`,
    deadLetters: `${own}dead_letters`,
    split: `${own}split`,
  }
}

/** Makes the ledger's tables that are missing; the elements and relations are their target's. */
export async function createLedger({ dialect, run }: SqlConnection, tables: SqlTables): Promise<void> {
  const { id, bytes } = dialect
  const edge = `from_id ${id} not null, type ${id} not null, to_id ${id} not null`
  const statements = [
    `create table if not exists ${tables.positions} (
      sync text not null, lane integer not null, epoch integer not null, saved text not null,
      primary key (sync, lane))`,
    `create table if not exists ${tables.seen} (
      sync text not null, lane integer not null, number integer not null, keys ${bytes} not null,
      primary key (sync, lane, number))`,
    `create table if not exists ${tables.absent} (
      sync text not null, kind text not null, ${edge}, hash text,
      first_pass integer not null, last_pass integer not null,
      primary key (sync, kind, from_id, type, to_id))`,
    `create table if not exists ${tables.pending} (
      origin text not null, ${edge},
      primary key (origin, from_id, type, to_id))`,
    `create table if not exists ${tables.deadLetters} (
      sync text not null, kind text not null, key text not null, reason text not null, record text, run text not null,
      primary key (sync, kind, key))`,
    `create table if not exists ${tables.split} (
      sync text not null, id ${id} not null, pass integer not null, made_in integer not null,
      record text, next text, changes text not null,
      primary key (sync, id))`,
  ]
  for (const statement of statements) await run(statement)
}
