import { type Generated, type Kysely, sql, type Transaction } from 'kysely'
import { HotwellError } from '../core/errors.ts'

/** One step of a room's tables. Once released it is never changed. */
export interface Migration {
  /** Number, owning room, what it does: `001-tokens-records`. */
  readonly name: string
  /** Runs inside the transaction of all missing steps. */
  // biome-ignore lint/suspicious/noExplicitAny: a migration knows no schema: it makes one.
  up(database: Kysely<any>): Promise<void>
}

export interface Applied {
  hotwell_migrations: { name: string; applied_at: Generated<string> }
}

const form = /^\d{3}-([a-z]+)-[a-z0-9-]+$/

/**
 * Applies the missing steps of one room. The caller's transaction holds the write lock, so of several processes one
 * does it and the others find it done.
 *
 * @throws HotwellError `store_unreadable` when a newer version has been here: nothing is changed then.
 */
export async function migrate(
  transaction: Transaction<unknown>,
  migrations: readonly Migration[],
  location: string,
): Promise<void> {
  const database = transaction as unknown as Transaction<Applied>
  await database.schema
    .createTable('hotwell_migrations')
    .ifNotExists()
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('applied_at', 'text', column => column.notNull().defaultTo(sql`current_timestamp`))
    .execute()
  for (const { name, up } of await missing(database, migrations, location)) {
    await up(database)
    await database.insertInto('hotwell_migrations').values({ name }).execute()
  }
}

/** The steps that are not applied yet. Only reads. */
export async function missing(
  database: Kysely<Applied>,
  migrations: readonly Migration[],
  location: string,
): Promise<readonly Migration[]> {
  const rows = await database.selectFrom('hotwell_migrations').select('name').execute()
  const applied = new Set(rows.map(row => row.name))
  const known = new Set(migrations.map(migration => migration.name))
  const rooms = new Set(migrations.map(migration => roomOf(migration.name)))
  const newer = [...applied].find(name => rooms.has(roomOf(name)) && !known.has(name))
  if (newer)
    throw new HotwellError(
      'store_unreadable',
      `${location} was written by a newer version of Hotwell (it has the step ${newer}). ` +
        'Nothing was changed. Run that version or a newer one, or name another file.',
    )
  return migrations.filter(migration => !applied.has(migration.name))
}

function roomOf(name: string): string {
  const room = form.exec(name)?.[1]
  if (!room) throw new TypeError(`A migration is named like 001-tokens-records, not ${name}`)
  return room
}
