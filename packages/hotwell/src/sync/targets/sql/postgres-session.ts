import { HotwellError } from '../../../core/errors.ts'
import type { SqlConnection, SqlValue } from '../../ledger/sql-connection.ts'
import { isLost, type PostgresFailureCode, postgresLoss, sqlState } from './postgres-errors.ts'
import { type ExchangeResult, type ExchangeStatement, PostgresExchange } from './postgres-exchange.ts'
import type { PostgresClient, PostgresPool } from './postgres-pool.ts'

export interface PostgresSessionOptions {
  readonly pool: PostgresPool
  /** Executed by each client that it takes. */
  readonly setUp: readonly string[]
  /** What the loss of a client is. */
  readonly lossCode: PostgresFailureCode
}

/**
 * A client of a pool, kept with its settings and temporary tables until it is lost; then another one is taken. Statements
 * are one after the other.
 */
export class PostgresSession {
  readonly sql: SqlConnection
  readonly #options: PostgresSessionOptions
  #client: Promise<PostgresClient> | undefined
  /** Sent before the next statement. */
  #deferred: ExchangeStatement[] = []
  /** `lost`: in its middle, with the client; what else belongs to it must not be executed by another one. */
  #transaction: 'none' | 'open' | 'lost' = 'none'
  #isClosed = false

  constructor(options: PostgresSessionOptions) {
    this.#options = options
    this.sql = sqlConnection(this)
  }

  /**
   * Executes them in one go; what comes after one that fails is not executed.
   * @throws HotwellError when the client is lost; what the server says otherwise is thrown as `pg` does
   */
  async exchange(statements: readonly ExchangeStatement[]): Promise<ExchangeResult[]> {
    if (this.#transaction === 'lost')
      throw new HotwellError(this.#options.lossCode, 'The connection was lost in the middle of a transaction.')
    const before = this.#deferred
    this.#deferred = []
    const client = await this.#taken()
    try {
      return (await exchange(client, [...before, ...statements])).slice(before.length)
    } catch (error) {
      if (!isLost(error)) throw error
      await this.#drop(error)
      throw postgresLoss(error, this.#options.lossCode)
    }
  }

  /** Executes it before the next statement, which fails when it does. */
  defer(statement: ExchangeStatement): void {
    this.#deferred.push(statement)
  }

  /** Runs `work` in a transaction; its first statement is the transaction's. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    this.#deferred = [{ text: 'begin isolation level read committed read write' }]
    this.#transaction = 'open'
    try {
      const result = await work()
      const [commit] = (await this.exchange([{ text: 'commit' }])).slice(-1)
      // A transaction that has failed answers so to a commit.
      if (commit!.tag !== 'COMMIT')
        throw new HotwellError(this.#options.lossCode, 'PostgreSQL rolled a transaction back.')
      return result
    } catch (error) {
      this.#deferred = []
      await this.#rollBack()
      throw error
    } finally {
      this.#transaction = 'none'
    }
  }

  /** At once: what is under way is rolled back. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#drop()
  }

  async #rollBack(): Promise<void> {
    if (!this.#client || this.#transaction === 'lost') return
    try {
      await this.exchange([{ text: 'rollback' }])
    } catch (error) {
      await this.#drop(error)
    }
  }

  #taken(): Promise<PostgresClient> {
    if (this.#isClosed)
      return Promise.reject(new HotwellError(this.#options.lossCode, 'The connection to PostgreSQL has been closed.'))
    this.#client ??= this.#take().catch(error => {
      this.#client = undefined
      throw error
    })
    return this.#client
  }

  async #take(): Promise<PostgresClient> {
    const { pool, setUp, lossCode } = this.#options
    const client = await pool.connect().catch(error => {
      throw sqlState(error) === undefined ? postgresLoss(error, lossCode) : error
    })
    // That it is lost shows in the next statement; unheard, it would end the process.
    client.on('error', () => {})
    try {
      await exchange(
        client,
        setUp.map(text => ({ text })),
      )
      return client
    } catch (error) {
      client.release(true)
      throw isLost(error) ? postgresLoss(error, lossCode) : error
    }
  }

  /** Its settings and tables are its own: nobody else gets it afterwards. */
  async #drop(error?: unknown): Promise<void> {
    const taken = this.#client
    this.#client = undefined
    if (this.#transaction === 'open') this.#transaction = 'lost'
    const client = await taken?.catch(() => undefined)
    client?.release(error instanceof Error ? error : true)
  }
}

function exchange(client: PostgresClient, statements: readonly ExchangeStatement[]): Promise<ExchangeResult[]> {
  const together = new PostgresExchange(statements)
  client.query(together)
  return together.results
}

function sqlConnection(session: PostgresSession): SqlConnection {
  const execute = async (statement: string, values: readonly SqlValue[] = []) => {
    const [result] = await session.exchange([{ text: numbered(statement), values }])
    return result!
  }
  return {
    dialect: {
      id: 'text collate "C"',
      bytes: 'bytea',
      given: 'jsonb_array_elements(cast(? as jsonb)) as given (value)',
      milliseconds: column => `cast(extract(epoch from ${column}) * 1000 as float8)`,
      json: column => `cast(${column} as text)`,
      forUpdate: ' for update',
      graphLock: (elements, how) =>
        `select pg_advisory_xact_lock${how === 'shared' ? '_shared' : ''}(${graphLockClass}, cast('${elements}' as regclass)::integer)`,
    },
    all: async <Row>(statement: string, values?: readonly SqlValue[]) =>
      (await execute(statement, values)).rows as Row[],
    run: async (statement, values) => Number((await execute(statement, values)).tag.split(' ').at(-1)) || 0,
    later: async (statement, values) => session.defer({ text: numbered(statement), values }),
  }
}

/** Tells Hotwell's locks of that kind from others: the letters "hotw". */
export const graphLockClass = 0x686f7477

const numberedTexts = new Map<string, string>()

/** With `$1`, `$2`, … instead of each `?`. */
function numbered(statement: string): string {
  const former = numberedTexts.get(statement)
  if (former !== undefined) return former
  let count = 0
  const text = statement.replaceAll('?', () => `$${++count}`)
  numberedTexts.set(statement, text)
  return text
}
