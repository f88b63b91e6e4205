import { setTimeout as delay } from 'node:timers/promises'
import { HotwellError, isHotwellError } from '../../core/errors.ts'
import { openSqlite } from '../../database/open-sqlite.ts'
import { NodeSqlite } from '../../database/sqlite-connection.ts'
import { isBusy, sqliteFailure } from '../../database/sqlite-errors.ts'
import { AbsentRows } from '../ledger/absent-rows.ts'
import { DeadLetters } from '../ledger/dead-letters.ts'
import { Elements } from '../ledger/elements.ts'
import { Positions } from '../ledger/positions.ts'
import { Relations } from '../ledger/relations.ts'
import type { SqlConnection, SqlValue } from '../ledger/sql-connection.ts'
import { createLedger, type SqlTables, sqlTables } from '../ledger/sql-tables.ts'
import type { DeadLetterKey, RelationRow } from '../model/rows.ts'
import type { Claim, StagedRow, Target, TargetConnection, TargetTransaction } from '../target.ts'
import { SqlTransaction } from './sql/sql-transaction.ts'
import { SqliteElements } from './sql/sqlite-elements.ts'

export interface SqliteTargetOptions {
  /** All tables' names begin with it: `plant_` makes `plant_elements`. @default '' */
  prefix?: string
  /**
   * `normal`: a commit survives the process; a power cut may undo the last ones, data and position together. `full`:
   * each commit waits for the disk. @default 'normal'
   */
  synchronous?: 'normal' | 'full'
  /** For how long it is tried again while other processes lock the file, in ms; then the run waits. @default 5000 */
  busyLimitMs?: number
}

/** A log of up to 128 MB: each check-point writes every changed page once, so that few of them are cheaper. */
const checkpointPages = 32_000
const cacheMegabytes = 16

/**
 * Writes into an SQLite file, which is made if it is not there: tables `elements` (id, type, name, owner_id, attributes
 * as JSON text, modified_at in milliseconds since 1970, origin, hash) and `relations` (from_id, type, to_id, origin).
 * @throws HotwellError `invalid_configuration`
 */
export function sqlite(path: string, options: SqliteTargetOptions = {}): Target {
  const { prefix, synchronous = 'normal', busyLimitMs = 5000 } = options
  const tables = sqlTables(prefix)
  return {
    name: 'sqlite',
    preferredBatch: 1000,
    preferredLanes: 1,
    // The last connection of a file moves all of its log into it.
    keptMs: 30_000,
    async connect(sync) {
      const failing = (error: unknown) => unavailable(error, path)
      const database = await openSqlite(path, { synchronous, checkpointPages, busyLimitMs }).catch(error => {
        throw failing(error)
      })
      await database.close()
      const native = new NodeSqlite(path)
      const connection = new SqliteTargetConnection(native, { path, tables, sync, busyLimitMs })
      try {
        await connection.open(synchronous)
        return connection
      } catch (error) {
        await connection.close()
        throw failing(error)
      }
    },
  }
}

interface ConnectionFacts {
  readonly path: string
  readonly tables: SqlTables
  readonly sync: string
  readonly busyLimitMs: number
}

class SqliteTargetConnection implements TargetConnection {
  readonly #native: NodeSqlite
  readonly #facts: ConnectionFacts
  readonly #sql: SqlConnection
  readonly #positions: Positions
  readonly #elements: Elements
  readonly #relations: Relations
  readonly #absent: AbsentRows
  readonly #letters: DeadLetters
  #writer: SqliteElements | undefined
  #epoch = 0
  /** Whoever comes next begins when this has settled: there is one connection. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(native: NodeSqlite, facts: ConnectionFacts) {
    const { tables, sync } = facts
    this.#native = native
    this.#facts = facts
    this.#sql = sqlConnection(native)
    this.#positions = new Positions(this.#sql, tables, sync)
    this.#elements = new Elements(this.#sql, tables, sync)
    this.#relations = new Relations(this.#sql, tables, sync)
    this.#absent = new AbsentRows(this.#sql, tables, sync)
    this.#letters = new DeadLetters(this.#sql, tables, sync)
  }

  async open(synchronous: string): Promise<void> {
    const { tables, sync } = this.#facts
    const pragmas = [`synchronous = ${synchronous}`, `wal_autocheckpoint = ${checkpointPages}`]
    for (const pragma of [...pragmas, `cache_size = ${-1024 * cacheMegabytes}`])
      this.#native.native.exec(`pragma ${pragma}`)
    await this.#exclusively(async () => {
      await createLedger(this.#sql, tables)
      for (const statement of ownTables(tables)) await this.#sql.run(statement)
    })
    this.#writer = new SqliteElements(this.#native.native, tables, sync, {
      isAlone: () => this.#positions.isAlone(),
      foreign: async ids => {
        const found = await this.#elements.find(ids)
        return new Map(found.filter(({ origin }) => origin !== sync).map(({ id, origin }) => [id, origin]))
      },
    })
  }

  async claim(): Promise<Claim> {
    const claim = await this.#exclusively(() => this.#positions.claim())
    this.#epoch = claim.epoch
    return claim
  }

  transaction<T>(
    lane: number,
    work: (transaction: TargetTransaction, saved: string | undefined) => Promise<T>,
  ): Promise<T> {
    const { tables, sync } = this.#facts
    return this.#exclusively(async () => {
      const saved = await this.#positions.lock(lane, this.#epoch)
      const context = { connection: this.#sql, tables, sync, epoch: this.#epoch, positions: this.#positions }
      return work(new SqlTransaction({ ...context, writer: this.#writer! }), saved)
    })
  }

  ownElements(after: string | undefined, limit: number) {
    return this.#reading(() => this.#elements.own({ after }, limit))
  }

  ownRelations(after: RelationRow | undefined, limit: number) {
    return this.#reading(() => this.#relations.own(after, limit))
  }

  staged(after: StagedRow | undefined, limit: number) {
    return this.#reading(() => this.#absent.read(after, limit))
  }

  settle(): Promise<void> {
    return this.#exclusively(async () => {
      for (const statement of ownIndexes(this.#facts.tables)) await this.#sql.run(statement)
    })
  }

  saved() {
    return this.#reading(() => this.#positions.saved())
  }

  readDeadLetters(after: DeadLetterKey | undefined, limit: number) {
    return this.#reading(() => this.#letters.read(after, limit))
  }

  countOwn(): Promise<number> {
    return this.#reading(async () => (await this.#elements.count()) + (await this.#relations.count()))
  }

  async close(): Promise<void> {
    this.#native.close()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }

  #reading<T>(work: () => Promise<T>): Promise<T> {
    return this.#inTurn(() => work().catch(error => this.#fail(error)))
  }

  /** In a transaction that has the write lock from its beginning. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      try {
        await this.#begin()
        const result = await work()
        this.#native.native.exec('commit')
        return result
      } catch (error) {
        if (this.#native.native.isOpen && this.#native.native.isTransaction) this.#native.native.exec('rollback')
        return this.#fail(error)
      }
    })
  }

  async #begin(): Promise<void> {
    const startedAt = performance.now()
    for (let pauseMs = 1; ; pauseMs = Math.min(25, pauseMs * 1.5)) {
      try {
        this.#native.native.exec('begin immediate')
        return
      } catch (error) {
        if (!isBusy(error) || performance.now() - startedAt > this.#facts.busyLimitMs) throw error
        await delay(pauseMs * (0.5 + Math.random()))
      }
    }
  }

  #fail(error: unknown): never {
    if (!this.#native.native.isOpen)
      throw new HotwellError('target_unavailable', `${this.#facts.path} has been closed.`, { cause: error })
    throw unavailable(error, this.#facts.path)
  }
}

/** What is the file's or the disk's fault is waited for. */
function unavailable(error: unknown, path: string): unknown {
  const failure = isHotwellError(error) ? error : sqliteFailure(error, path)
  if (!isHotwellError(failure, 'store_unavailable')) return failure
  return new HotwellError('target_unavailable', failure.message, { cause: failure.cause })
}

function ownTables({ elements, relations }: SqlTables): string[] {
  return [
    `create table if not exists ${elements} (
      id text primary key not null, type text not null, name text not null, owner_id text,
      attributes text not null, modified_at integer, origin text not null, hash text not null)`,
    `create table if not exists ${relations} (
      from_id text not null, type text not null, to_id text not null, origin text not null,
      primary key (from_id, type, to_id))`,
  ]
}

/** Made once the first rows are there: that is faster than keeping them up to date with each. */
function ownIndexes({ elements, relations }: SqlTables): string[] {
  return [
    `create index if not exists ${relations}_to_id on ${relations} (to_id)`,
    `create index if not exists ${elements}_owner_id on ${elements} (owner_id)`,
  ]
}

function sqlConnection(native: NodeSqlite): SqlConnection {
  return {
    dialect: {
      id: 'text',
      bytes: 'blob',
      given: 'json_each(?) as given',
      milliseconds: column => column,
      json: column => column,
      forUpdate: '',
    },
    all: async <Row>(statement: string, values: readonly SqlValue[] = []) =>
      native.prepare(statement).all(values) as Row[],
    run: async (statement, values = []) => Number(native.prepare(statement).run(values).changes),
  }
}
