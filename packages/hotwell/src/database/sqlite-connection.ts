import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type SqliteStatement,
} from 'kysely'

const cachedStatements = 200

/** `node:sqlite` in the shape that Kysely's SQLite driver takes. */
export class NodeSqlite implements SqliteDatabase {
  readonly native: DatabaseSync
  readonly #statements = new Map<string, Statement>()

  /** Without a busy time-out: it would block the thread. */
  constructor(path: string) {
    this.native = new DatabaseSync(path, { timeout: 0 })
  }

  prepare(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql)
    if (statement) this.#statements.delete(sql)
    else statement = new Statement(this.native, sql)
    this.#statements.set(sql, statement)
    if (this.#statements.size > cachedStatements) this.#statements.delete(this.#statements.keys().next().value!)
    return statement
  }

  /** Several rows by one statement in a transaction. Nobody else may be in the middle of one on this connection. */
  write(statement: string, rows: readonly (readonly SQLInputValue[])[]): void {
    const prepared = this.native.prepare(statement)
    this.native.exec('begin immediate')
    try {
      for (const row of rows) prepared.run(...row)
      this.native.exec('commit')
    } catch (error) {
      if (this.native.isTransaction) this.native.exec('rollback')
      throw error
    }
  }

  close(): void {
    this.#statements.clear()
    if (this.native.isOpen) this.native.close()
  }
}

class Statement implements SqliteStatement {
  readonly reader: boolean
  readonly #native: DatabaseSync
  readonly #sql: string
  readonly #prepared: StatementSync

  constructor(native: DatabaseSync, sql: string) {
    this.#native = native
    this.#sql = sql
    this.#prepared = this.#prepare()
    this.reader = this.#prepared.columns().length > 0
  }

  all(parameters: readonly unknown[]): unknown[] {
    return this.#prepared.all(...parameters.map(bindable)).map(plainRow)
  }

  run(parameters: readonly unknown[]) {
    return this.#prepared.run(...parameters.map(bindable))
  }

  /** With a statement of its own, because a cached one may be run again while rows are still read. */
  *iterate(parameters: readonly unknown[]): IterableIterator<unknown> {
    for (const row of this.#prepare().iterate(...parameters.map(bindable))) yield plainRow(row)
  }

  #prepare(): StatementSync {
    const statement = this.#native.prepare(this.#sql)
    // Otherwise one integer beyond 2⁵³ makes the whole query throw.
    statement.setReadBigInts(true)
    return statement
  }
}

function bindable(value: unknown): SQLInputValue {
  if (value === undefined) return null
  if (typeof value === 'boolean') return value ? 1 : 0
  return value as SQLInputValue
}

/** Rows of `node:sqlite` have no prototype; integers become numbers where they fit, as in the other dialects. */
function plainRow(row: object): Record<string, unknown> {
  const plain: Record<string, unknown> = { ...row }
  for (const name in plain) {
    const value = plain[name]
    if (typeof value === 'bigint' && value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER)
      plain[name] = Number(value)
  }
  return plain
}

/** Takes the write lock when a transaction begins. */
class ImmediateDriver extends SqliteDriver {
  readonly #native: DatabaseSync

  constructor(database: NodeSqlite) {
    super({ database })
    this.#native = database.native
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  /** SQLite rolls back by itself when the disk is full or fails; a second time would hide that error. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#native.isTransaction) await super.rollbackTransaction(connection)
  }
}

export function kyselyOver<Schema>(database: NodeSqlite): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new ImmediateDriver(database),
      createIntrospector: kysely => new SqliteIntrospector(kysely),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })
}
