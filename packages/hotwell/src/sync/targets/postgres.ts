import { setTimeout as pause } from 'node:timers/promises'
import { checkKnown } from '../check-known.ts'
import { AbsentRows } from '../ledger/absent-rows.ts'
import { DeadLetters } from '../ledger/dead-letters.ts'
import { Elements } from '../ledger/elements.ts'
import { Positions } from '../ledger/positions.ts'
import { Relations } from '../ledger/relations.ts'
import { type SqlTables, sqlTables } from '../ledger/sql-tables.ts'
import type { DeadLetterKey, RelationRow } from '../model/rows.ts'
import type { Claim, StagedRow, Target, TargetConnection, TargetTransaction } from '../target.ts'
import { BatchTrend, makeStagingTable, PostgresElements } from './sql/postgres-elements.ts'
import { lockNotAvailable, postgresFailure, sqlState, tooManyConnections } from './sql/postgres-errors.ts'
import { checkAddress, type OpenPool, openPool, type PostgresAddress } from './sql/postgres-pool.ts'
import { areSettled, ensureTables, hasOwnerIndex, settleTables } from './sql/postgres-schema.ts'
import { PostgresSession } from './sql/postgres-session.ts'
import { SplitKnowledge } from './sql/split-rows.ts'
import { SqlTransaction } from './sql/sql-transaction.ts'

export type { PostgresAddress, PostgresClient, PostgresPool } from './sql/postgres-pool.ts'

export type PostgresTargetOptions = PostgresAddress & {
  /** All tables' names begin with it: `plant_` makes `plant_elements`. @default '' */
  prefix?: string
  /** Transactions at once, each on a client of its own; one client of the pool is always left to others. @default 2 */
  lanes?: number
  /**
   * The server ends a transaction in which nothing was heard for so long; whoever takes over from a process that stands
   * still waits so long, and then ends it. @default 10
   */
  stalledSeconds?: number
}

/** Closing waits no longer for indexes. PostgreSQL makes to its end what it has begun. */
const longestSettlingMs = 10_000
/** So many clients a pool has by default. */
const usualClients = 10

/**
 * Writes into PostgreSQL 13 or newer: tables `elements` (id, type, name, owner_id, attributes as jsonb, modified_at as
 * timestamptz, origin, hash) and `relations` (from_id, type, to_id, origin) in the first schema of the search path. Behind
 * a first run indexes on owner_id and to_id are made; closing the sync waits for them.
 * @throws HotwellError `invalid_configuration`
 */
export function postgres(options: PostgresTargetOptions): Target {
  checkKnown('The target postgres', options, ['connectionString', 'pool', 'prefix', 'lanes', 'stalledSeconds'])
  const { prefix, lanes = 2, stalledSeconds = 10, ...address } = options
  const tables = sqlTables(prefix)
  checkAddress(address)
  return {
    name: 'postgres',
    preferredBatch: 5000,
    preferredLanes: lanes,
    // Behind a run, which does not wait for it, indexes may still be in the making.
    keptMs: 1,
    async connect(sync) {
      const pool = await openPool(address, usualClients)
      const connection = new PostgresTargetConnection(pool, { tables, sync, stalledMs: stalledSeconds * 1000 })
      try {
        await connection.open()
        return connection
      } catch (error) {
        await connection.close()
        throw error
      }
    },
  }
}

interface ConnectionFacts {
  readonly tables: SqlTables
  readonly sync: string
  readonly stalledMs: number
}

/** One of the clients, with the ledger as it is seen through it. */
interface Way {
  readonly session: PostgresSession
  readonly positions: Positions
  readonly elements: Elements
  readonly relations: Relations
  readonly absent: AbsentRows
  readonly letters: DeadLetters
  /** Whoever comes next begins when this has settled. */
  last: Promise<unknown>
}

class PostgresTargetConnection implements TargetConnection {
  readonly #pool: OpenPool
  readonly #facts: ConnectionFacts
  readonly #ways: (Way | undefined)[] = []
  readonly #mostWays: number
  readonly #splitKnowledge = new SplitKnowledge()
  #trend = new BatchTrend(false)
  #epoch = 0
  #settling: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(pool: OpenPool, facts: ConnectionFacts) {
    this.#pool = pool
    this.#facts = facts
    this.#mostWays = Math.max(1, (pool.pool.options?.max ?? usualClients) - 1)
  }

  open(): Promise<void> {
    return this.#through(0, ({ session }) => ensureTables(session, this.#facts.tables))
  }

  async claim(): Promise<Claim> {
    const claim = await this.#through(0, async way => {
      try {
        return await this.#claimBy(way)
      } catch (error) {
        if (sqlState(error) !== lockNotAvailable) throw error
        await this.#endHolders(way)
        return this.#claimBy(way)
      }
    })
    this.#epoch = claim.epoch
    return claim
  }

  transaction<T>(
    lane: number,
    work: (transaction: TargetTransaction, saved: string | undefined) => Promise<T>,
  ): Promise<T> {
    const { tables, sync } = this.#facts
    return this.#through(lane, ({ session, positions }) =>
      session.transaction(async () => {
        const saved = await positions.lock(lane, this.#epoch)
        const writer = new PostgresElements(session, tables, sync, this.#trend)
        const context = { connection: session.sql, tables, sync, epoch: this.#epoch, positions, writer }
        return work(new SqlTransaction({ ...context, splitKnowledge: this.#splitKnowledge }), saved)
      }),
    )
  }

  ownElements(after: string | undefined, limit: number) {
    return this.#through(0, ({ elements }) => elements.own({ after }, limit))
  }

  ownContents(after: string | undefined, limit: number) {
    return this.#through(0, ({ elements }) => elements.contents(after, limit))
  }

  ownRelations(after: RelationRow | undefined, limit: number) {
    return this.#through(0, ({ relations }) => relations.own(after, limit))
  }

  staged(after: StagedRow | undefined, limit: number) {
    return this.#through(0, ({ absent }) => absent.read(after, limit))
  }

  /** Runs need not wait for it, and do not fail for its sake: what could not be made now is made behind the next one. */
  async settle(): Promise<void> {
    const { tables } = this.#facts
    const isSettled = await this.#through(0, ({ session }) => areSettled(session, tables))
    if (!isSettled) this.#settling = this.#through(1, ({ session }) => settleTables(session, tables)).catch(() => {})
  }

  async ownerLinks(after: string | undefined, limit: number) {
    const { tables } = this.#facts
    // What a first run brought is gone through once. Where that was not all, an index is worth waiting for.
    if (after !== undefined) await this.#settling
    return this.#through(0, async ({ session, elements }) =>
      (await hasOwnerIndex(session, tables))
        ? elements.ownerLinks(after, limit)
        : session.transaction(() => {
            session.defer({ text: 'set local enable_seqscan = on' })
            return elements.ownerLinksByScan(after, limit)
          }),
    )
  }

  saved() {
    return this.#through(0, ({ positions }) => positions.saved())
  }

  readDeadLetters(after: DeadLetterKey | undefined, limit: number) {
    return this.#through(0, ({ letters }) => letters.read(after, limit))
  }

  countOwn(): Promise<number> {
    return this.#through(0, async ({ elements, relations }) => (await elements.count()) + (await relations.count()))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.race([this.#settling, pause(longestSettlingMs, undefined, { ref: false })])
    await Promise.all(this.#ways.map(way => way?.session.close()))
    await this.#pool.close()
  }

  async #claimBy({ session, positions }: Way): Promise<Claim> {
    const { tables, stalledMs } = this.#facts
    return session.transaction(async () => {
      session.defer({ text: `set local lock_timeout = ${stalledMs}` })
      const claim = await positions.claim()
      const [row] = await session.sql.all<{ is_empty: boolean }>(
        `select not exists (select 1 from ${tables.elements}) as is_empty`,
      )
      this.#trend = new BatchTrend(row!.is_empty)
      return claim
    })
  }

  /** Ends transactions that hold the sync's rows: their process stands still, or is too slow to be waited for. */
  async #endHolders({ session }: Way): Promise<void> {
    const { tables, sync } = this.#facts
    await session.sql.all(
      `select pg_terminate_backend(held.pid) from ${tables.positions} as own
        join pg_locks as held on held.locktype = 'transactionid' and held.granted and held.transactionid = own.xmax
        where own.sync = ? and held.pid <> pg_backend_pid()`,
      [sync],
    )
  }

  /** One at a time on each client; lanes beyond the clients there are share them. */
  #through<T>(lane: number, work: (way: Way) => Promise<T>): Promise<T> {
    const number = Math.max(0, lane) % this.#mostWays
    const way = this.#way(number)
    const result = way.last.then(() => work(way))
    way.last = result.catch(() => {})
    return result.catch(error => {
      // The server has no room for another client: one is slower, and enough.
      if (number > 0 && sqlState(error) === tooManyConnections) return this.#through(0, work)
      throw postgresFailure(error, 'target_unavailable')
    })
  }

  #way(number: number): Way {
    const former = this.#ways[number]
    if (former) return former
    const { tables, sync, stalledMs } = this.#facts
    const session = new PostgresSession({
      pool: this.#pool.pool,
      setUp: setUp(stalledMs),
      lossCode: 'target_unavailable',
    })
    if (this.#isClosed) void session.close()
    const { sql } = session
    const way: Way = {
      session,
      positions: new Positions(sql, tables, sync),
      elements: new Elements(sql, tables, sync),
      relations: new Relations(sql, tables, sync),
      absent: new AbsentRows(sql, tables, sync),
      letters: new DeadLetters(sql, tables, sync),
      last: Promise.resolve(),
    }
    this.#ways[number] = way
    return way
  }
}

function setUp(stalledMs: number): string[] {
  return [
    `set idle_in_transaction_session_timeout = ${stalledMs}`,
    // Whatever is usual here: a long index build is no mistake, and a commit that was answered is not lost.
    'set statement_timeout = 0',
    `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`,
    // A plan made for an empty table is none for a full one.
    'set plan_cache_mode = force_custom_plan',
    'set jit = off',
    // Everything here is asked for by keys. Of a table that has just been filled the planner thinks it is empty, and would
    // read all of it each time; joins, too, are looked up row by row.
    'set enable_seqscan = off',
    'set enable_hashjoin = off',
    'set enable_mergejoin = off',
    makeStagingTable,
  ]
}
