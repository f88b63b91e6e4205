import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql, type Transaction } from 'kysely'
import { HotwellError } from '../core/errors.ts'
import type { Database, TransactionOptions } from './database.ts'
import { type Applied, type Migration, migrate, missing } from './migration.ts'
import { kyselyOver, NodeSqlite } from './sqlite-connection.ts'
import { isBusy, isLost, sqliteFailure } from './sqlite-errors.ts'

export interface SqliteOptions {
  /**
   * `normal`: a commit survives the process, but a power cut may undo the last ones, in order. `full`: each commit
   * waits for the disk. A transaction with `durable` waits in either. Default `normal`.
   * https://www.sqlite.org/pragma.html#pragma_synchronous
   */
  synchronous?: 'normal' | 'full'
  /** For how long an operation is tried again, in all, while other processes lock the file, in ms. Default 2,000. */
  busyLimitMs?: number
  /** Of a file that is made. Larger ones are faster where rows of some hundred bytes are written in bulk. Default 4096. */
  pageBytes?: number
  /** After how many pages a commit moves the log into the file. Default 1,000, SQLite's own. */
  checkpointPages?: number
  /** How much of the file is kept in memory, in MB. Default 2, SQLite's own; more makes bulk writing faster. */
  cacheMegabytes?: number
}

/**
 * Opens an SQLite file, and makes it (mode 0600, folder 0700) if it is not there. The thread never waits for a lock:
 * other processes' locks are met by short, jittered pauses of the one operation.
 *
 * @throws HotwellError `store_unavailable`, `store_unreadable`: see {@link Database}.
 */
export async function openSqlite<Schema = unknown>(
  path: string,
  options: SqliteOptions = {},
): Promise<Database<Schema>> {
  const database = new SqliteFile<Schema>(path, options)
  await database.query(kysely => sql`select count(*) from sqlite_schema`.execute(kysely))
  return database
}

interface Opened<Schema> {
  readonly native: NodeSqlite
  readonly kysely: Kysely<Schema>
  /** Which file was opened: another one may lie there later. */
  readonly inode: bigint | undefined
  /** Operations that run on it now; a retired connection is closed when the last of them is over. */
  users: number
  retired: boolean
}

type Attempt<Schema, T> = (kysely: Kysely<Schema>, opened: Opened<Schema>) => Promise<T>

const firstPauseMs = 1
const longestPauseMs = 25
const sameFileCheckMs = 1000

class SqliteFile<Schema> implements Database<Schema> {
  readonly dialect = 'sqlite'
  readonly location: string
  readonly #options: Required<SqliteOptions>
  #connecting: Promise<Opened<Schema>> | undefined
  #opened: Opened<Schema> | undefined
  #migrations: readonly (readonly Migration[])[] = []
  #checkedAt = 0
  #closed = false

  constructor(path: string, options: SqliteOptions) {
    const { synchronous = 'normal', busyLimitMs = 2000, pageBytes = 4096 } = options
    const { checkpointPages = 1000, cacheMegabytes = 2 } = options
    this.location = path
    this.#options = { synchronous, busyLimitMs, pageBytes, checkpointPages, cacheMegabytes }
  }

  query<T>(run: (database: Kysely<Schema>) => Promise<T>): Promise<T> {
    return this.#patiently(kysely => run(kysely))
  }

  transaction<T>(
    work: (transaction: Transaction<Schema>) => Promise<T>,
    { durable = false }: TransactionOptions = {},
  ): Promise<T> {
    return this.#patiently(async kysely => {
      if (!durable || this.#options.synchronous === 'full') return kysely.transaction().execute(work)
      return kysely.connection().execute(async connection => {
        await sql`pragma synchronous = full`.execute(connection)
        try {
          return await connection.transaction().execute(work)
        } finally {
          await sql`pragma synchronous = normal`.execute(connection)
        }
      })
    })
  }

  async write(statement: string, rows: readonly (readonly (string | number | null)[])[]): Promise<void> {
    let kept = false
    while (!kept)
      kept = await this.#patiently((kysely, opened) =>
        // Kysely's connection is the turn of whoever has it: no transaction of somebody else is open meanwhile.
        kysely.connection().execute(async () => {
          opened.native.write(statement, rows)
          // A bulk that went into a file that nobody can find any more is not written: it goes into the next one.
          const isThere = inodeOf(this.location) === opened.inode
          if (!isThere) this.#retire(opened)
          return isThere
        }),
      )
  }

  async migrate(migrations: readonly Migration[]): Promise<void> {
    await this.query(kysely => this.#migrateOn(kysely, migrations))
    if (!this.#migrations.includes(migrations)) this.#migrations = [...this.#migrations, migrations]
  }

  as<Other>(): Database<Other> {
    return this as unknown as Database<Other>
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#connecting?.then(opened => this.#retire(opened)).catch(() => {})
  }

  async #migrateOn(kysely: Kysely<Schema>, migrations: readonly Migration[]): Promise<void> {
    const tables = await sql`select 1 from sqlite_schema where name = 'hotwell_migrations'`.execute(kysely)
    const steps = tables.rows.length
      ? await missing(kysely as unknown as Kysely<Applied>, migrations, this.location)
      : migrations
    if (steps.length === 0) return
    await kysely.transaction().execute(work => migrate(work as Transaction<unknown>, migrations, this.location))
  }

  /** Tries again while others hold the lock: each time from the start, holding nothing in between. */
  async #patiently<T>(attempt: Attempt<Schema, T>): Promise<T> {
    const startedAt = performance.now()
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
      try {
        return await this.#attempt(attempt)
      } catch (error) {
        const waitedMs = performance.now() - startedAt
        if (isBusy(error) && waitedMs < this.#options.busyLimitMs) {
          await delay(pauseMs * (0.5 + Math.random()))
          continue
        }
        throw sqliteFailure(error, this.location, waitedMs)
      }
    }
  }

  async #attempt<T>(attempt: Attempt<Schema, T>): Promise<T> {
    const opened = await this.#open()
    opened.users++
    try {
      return await attempt(opened.kysely, opened)
    } catch (error) {
      if (isLost(error)) this.#retire(opened)
      throw error
    } finally {
      opened.users--
      closeUnused(opened)
    }
  }

  async #open(): Promise<Opened<Schema>> {
    if (this.#closed) throw new HotwellError('closed', `${this.location} has been closed.`)
    const connecting = (this.#connecting ??= this.#connect())
    try {
      const opened = await connecting
      if (!opened.retired && this.#isStillThere(opened)) return opened
      this.#retire(opened)
    } catch (error) {
      if (this.#connecting === connecting) this.#connecting = undefined
      throw error
    }
    return this.#open()
  }

  async #connect(): Promise<Opened<Schema>> {
    createFile(this.location)
    makeWritable(this.location)
    const native = new NodeSqlite(this.location)
    try {
      const { synchronous, pageBytes, checkpointPages, cacheMegabytes } = this.#options
      const run = (statement: string) => native.prepare(statement).all([])
      run(`pragma page_size = ${pageBytes}`)
      const [mode] = run('pragma journal_mode') as { journal_mode: string }[]
      if (mode?.journal_mode === 'delete') run('pragma journal_mode = wal')
      run(`pragma synchronous = ${synchronous}`)
      run(`pragma wal_autocheckpoint = ${checkpointPages}`)
      run(`pragma cache_size = ${-1024 * cacheMegabytes}`)
      const kysely = kyselyOver<Schema>(native)
      for (const migrations of this.#migrations) await this.#migrateOn(kysely, migrations)
      return { native, kysely, inode: inodeOf(this.location), users: 0, retired: false }
    } catch (error) {
      native.close()
      throw error
    }
  }

  /** A file that was removed or replaced must not go on being written under its old name. */
  #isStillThere(opened: Opened<Schema>): boolean {
    if (this.#opened !== opened) {
      this.#opened = opened
      this.#checkedAt = performance.now()
      return true
    }
    const now = performance.now()
    if (now < this.#checkedAt + sameFileCheckMs) return true
    this.#checkedAt = now
    return inodeOf(this.location) === opened.inode
  }

  #retire(opened: Opened<Schema>): void {
    opened.retired = true
    if (this.#opened === opened) this.#opened = this.#connecting = undefined
    closeUnused(opened)
  }
}

function closeUnused<Schema>({ native, users, retired }: Opened<Schema>): void {
  if (retired && users === 0) native.close()
}

const inMemory = ':memory:'
const ownerWrites = 0o200

function createFile(path: string): void {
  if (path === inMemory || existsSync(path)) return
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
}

/** SQLite makes the files beside it with its rights. Made while it was read-only they would keep it so for ever. */
function makeWritable(path: string): void {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
  if (!(mode & ownerWrites)) return
  for (const beside of [`${path}-wal`, `${path}-shm`]) {
    const found = statSync(beside, { throwIfNoEntry: false })
    if (!found || found.mode & ownerWrites) continue
    try {
      chmodSync(beside, mode)
    } catch {
      // Somebody else's, or gone meanwhile: whether it matters, writing tells.
    }
  }
}

function inodeOf(path: string): bigint | undefined {
  return path === inMemory ? undefined : statSync(path, { bigint: true, throwIfNoEntry: false })?.ino
}
