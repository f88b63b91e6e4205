import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { isBusy, sqliteFailure } from '../../../database/sqlite-errors.ts'
import { AbsentRows } from '../../ledger/absent-rows.ts'
import { DeadLetters } from '../../ledger/dead-letters.ts'
import { Elements } from '../../ledger/elements.ts'
import { Positions } from '../../ledger/positions.ts'
import { Relations } from '../../ledger/relations.ts'
import type { SqlConnection, SqlValue } from '../../ledger/sql-connection.ts'
import type { SqlTables } from '../../ledger/sql-tables.ts'
import type { Batch } from '../../model/rows.ts'
import type { Applied, Reading, TargetTransaction } from '../../target.ts'
import { SqlTransaction } from './sql-transaction.ts'
import { SqliteElements } from './sqlite-elements.ts'
import { ensureTables, haveAll, settleTables } from './sqlite-schema.ts'
import { otherThanExpected, type SqliteSide, type SqliteWork, type Step } from './sqlite-steps.ts'

/** All that another thread needs as well. */
export interface SqliteFacts {
  readonly path: string
  readonly tables: SqlTables
  readonly sync: string
  readonly synchronous: 'normal' | 'full'
  readonly busyLimitMs: number
}

export const pageBytes = 8192
/** A log of up to 128 MB: each check-point writes every changed page once, so that few of them are cheaper. */
export const checkpointPages = 16_000
const cacheMegabytes = 16
const longestPauseMs = 25

type OwnWork = Omit<SqliteWork, keyof TargetTransaction>

/** One connection to the file, in the thread that it was made in. */
export class SqliteSession implements SqliteSide {
  readonly elements: Elements
  readonly relations: Relations
  readonly absent: AbsentRows
  readonly positions: Positions
  readonly letters: DeadLetters
  readonly #native: DatabaseSync
  readonly #facts: SqliteFacts
  readonly #sql: SqlConnection
  readonly #own: OwnWork
  #writer: SqliteElements | undefined
  #transaction: TargetTransaction | undefined

  /** @throws what SQLite says */
  constructor(facts: SqliteFacts) {
    const { path, tables, sync } = facts
    this.#facts = facts
    // Without a busy time-out: it would block the thread.
    this.#native = new DatabaseSync(path, { timeout: 0 })
    this.#sql = sqlConnection(this.#native)
    this.positions = new Positions(this.#sql, tables, sync)
    this.elements = new Elements(this.#sql, tables, sync)
    this.relations = new Relations(this.#sql, tables, sync)
    this.absent = new AbsentRows(this.#sql, tables, sync)
    this.letters = new DeadLetters(this.#sql, tables, sync)
    this.#own = {
      begin: () => this.#begin(),
      lock: (lane, epoch) => this.#lock(lane, epoch),
      applyExpecting: (batch, expected, reading) => this.#applyExpecting(batch, expected, reading),
      claim: () => this.positions.claim(),
      settle: () => settleTables(this.#sql, tables),
      commit: async () => this.#native.exec('commit'),
      rollback: async () => this.#rollback(),
    }
  }

  /**
   * Makes the tables that are missing.
   * @throws HotwellError `invalid_configuration` where those that are there cannot be used; then nothing is made
   */
  async create(): Promise<void> {
    await this.#begin()
    await ensureTables(this.#native, this.#sql, this.#facts.tables)
    this.#native.exec('commit')
  }

  /** Whether nobody has dropped any of them meanwhile. */
  hasTables(): Promise<boolean> {
    return haveAll(this.#sql, this.#facts.tables)
  }

  /** The tables are there: from now on it can do its work. */
  prepare(): void {
    const { synchronous, tables, sync } = this.#facts
    const pragmas = [`synchronous = ${synchronous}`, `wal_autocheckpoint = ${checkpointPages}`]
    for (const pragma of [...pragmas, `cache_size = ${-1024 * cacheMegabytes}`]) this.#native.exec(`pragma ${pragma}`)
    this.#writer = new SqliteElements(this.#native, tables, sync, {
      isAlone: () => this.positions.isAlone(),
      foreign: async ids => {
        const found = await this.elements.find(ids)
        return new Map(found.filter(({ origin }) => origin !== sync).map(({ id, origin }) => [id, origin]))
      },
    })
  }

  async run(steps: readonly Step[]): Promise<unknown> {
    let answer: unknown
    for (const { name, args } of steps) answer = (await this.#do(name, args)) ?? answer
    return answer
  }

  /** Idempotent. A transaction that is under way is rolled back. */
  close(): void {
    if (this.#native.isOpen) this.#native.close()
  }

  #do(name: Step['name'], args: Step['args']): Promise<unknown> {
    const worker: Partial<SqliteWork> = name in this.#own ? this.#own : this.#transaction!
    return (worker[name] as (...given: typeof args) => Promise<unknown>).apply(worker, args)
  }

  async #lock(lane: number, epoch: number): Promise<string | undefined> {
    const { tables, sync } = this.#facts
    await this.#begin()
    const saved = await this.positions.lock(lane, epoch)
    const context = { connection: this.#sql, tables, sync, epoch, positions: this.positions }
    this.#transaction = new SqlTransaction({ ...context, writer: this.#writer! })
    return saved
  }

  async #applyExpecting(batch: Batch, expected: Applied, reading?: Reading): Promise<void> {
    const applied = await this.#transaction!.apply(batch, reading)
    if (isDeepStrictEqual(applied, expected)) return
    throw Object.assign(new Error('A batch had another outcome than those before it.'), { name: otherThanExpected })
  }

  async #begin(): Promise<void> {
    const startedAt = performance.now()
    for (let pauseMs = 1; ; pauseMs = Math.min(longestPauseMs, pauseMs * 1.5)) {
      try {
        this.#native.exec('begin immediate')
        return
      } catch (error) {
        if (!isBusy(error)) throw error
        const waitedMs = performance.now() - startedAt
        if (waitedMs > this.#facts.busyLimitMs) throw sqliteFailure(error, this.#facts.path, waitedMs)
        await delay(pauseMs * (0.5 + Math.random()))
      }
    }
  }

  /** SQLite rolls back by itself when the disk is full or fails; a second time would hide that error. */
  #rollback(): void {
    this.#transaction = undefined
    if (this.#native.isOpen && this.#native.isTransaction) this.#native.exec('rollback')
  }
}

function sqlConnection(native: DatabaseSync): SqlConnection {
  const statements = new Map<string, StatementSync>()
  const prepared = (text: string) => {
    const known = statements.get(text)
    if (known) return known
    const statement = native.prepare(text)
    // Otherwise one integer beyond 2⁵³ makes the whole query throw.
    statement.setReadBigInts(true)
    statements.set(text, statement)
    return statement
  }
  return {
    dialect: {
      id: 'text',
      bytes: 'blob',
      given: 'json_each(?) as given',
      milliseconds: column => column,
      json: column => column,
      forUpdate: '',
    },
    all: async <Row>(text: string, values: readonly SqlValue[] = []) =>
      prepared(text).all(...values) as unknown as Row[],
    run: async (text, values = []) => Number(prepared(text).run(...values).changes),
  }
}
