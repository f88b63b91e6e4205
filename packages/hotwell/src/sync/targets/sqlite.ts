import { availableParallelism } from 'node:os'
import { HotwellError, isHotwellError } from '../../core/errors.ts'
import { openSqlite } from '../../database/open-sqlite.ts'
import { isLost, sqliteFailure } from '../../database/sqlite-errors.ts'
import { checkKnown } from '../check-known.ts'
import { sqlTables } from '../ledger/sql-tables.ts'
import type { DeadLetterKey, RelationRow } from '../model/rows.ts'
import {
  type Claim,
  runLane,
  type StagedRow,
  type Target,
  type TargetConnection,
  type TargetTransaction,
} from '../target.ts'
import { BatchHabit } from './sql/batch-habit.ts'
import { BulkLoad } from './sql/bulk-load.ts'
import { SqliteFile } from './sql/sqlite-file.ts'
import { checkpointPages, pageBytes, type SqliteFacts, SqliteSession } from './sql/sqlite-session.ts'
import { otherThanExpected, type SqliteSide, step } from './sql/sqlite-steps.ts'
import { SqliteThread } from './sql/sqlite-thread.ts'
import { SqliteTransaction } from './sql/sqlite-transaction.ts'

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
  /**
   * Whether a thread of its own writes, so that both go on at once. `auto`: from 10,000 records on, where reading them keeps
   * this thread busy; everything before, and whatever nothing goes on beside, is faster without. There, the work of a
   * transaction may be run a second time before it is committed. It takes about a fifth more of the processors.
   * @default 'auto' with more than two processors, so that whoever serves tokens has one; otherwise false
   */
  thread?: boolean | 'auto'
}

const usualThread = availableParallelism() > 2 ? 'auto' : false

/**
 * Writes into an SQLite file, which is made if it is not there: tables `elements` (id, type, name, owner_id, attributes
 * as JSON text, modified_at in milliseconds since 1970, origin, hash) and `relations` (from_id, type, to_id, origin).
 * @throws HotwellError `invalid_configuration`
 */
export function sqlite(path: string, options: SqliteTargetOptions = {}): Target {
  checkKnown('The target sqlite', options, ['prefix', 'synchronous', 'busyLimitMs', 'thread'])
  const { prefix, synchronous = 'normal', busyLimitMs = 5000, thread = usualThread } = options
  const tables = sqlTables(prefix)
  if (path.trim() === '')
    throw new HotwellError('invalid_configuration', 'The path of the SQLite file is empty. Name a file, like plant.db.')
  return {
    name: 'sqlite',
    preferredBatch: 1000,
    preferredLanes: 1,
    // The last connection of a file moves all of its log into it.
    keptMs: 30_000,
    async connect(sync) {
      const connection = new SqliteTargetConnection({ path, tables, sync, synchronous, busyLimitMs }, thread)
      await connection.open()
      return connection
    },
  }
}

type Work<T> = (transaction: TargetTransaction, saved: string | undefined) => Promise<T>

class SqliteTargetConnection implements TargetConnection {
  readonly #facts: SqliteFacts
  readonly #threads: boolean | 'auto'
  readonly #file: SqliteFile
  readonly #load = new BulkLoad()
  readonly #habit = new BatchHabit()
  #session: SqliteSession | undefined
  #thread: SqliteThread | undefined
  #epoch = 0
  /** What the lanes' rows hold, as far as it is known: nobody else writes them under this epoch. */
  #saved: ReadonlyMap<number, string> = new Map()
  #isClosed = false
  /** Whoever comes next begins when this has settled: one transaction at a time. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(facts: SqliteFacts, threads: boolean | 'auto') {
    this.#facts = facts
    this.#file = new SqliteFile(facts.path)
    this.#threads = threads
  }

  open(): Promise<void> {
    return this.#inTurn(async () => void (await this.#open()))
  }

  /** A run begins: with whatever lies there now. */
  claim(): Promise<Claim> {
    return this.#inTurn(async () => {
      if (!this.#file.isThere || (await this.#session?.hasTables()) === false) {
        await this.#retire()
        this.#file.forget()
      }
      const claim = (await this.#atOnce(await this.#open(), 'claim')) as Claim
      this.#epoch = claim.epoch
      this.#saved = claim.saved
      return claim
    })
  }

  transaction<T>(lane: number, work: Work<T>): Promise<T> {
    return this.#inTurn(async () => {
      this.#file.check(lane === runLane ? 'now' : 'seldom')
      const session = await this.#open()
      if (this.#thread?.state === 'ready') return this.#inThread(this.#thread, lane, work)
      const transaction = new SqliteTransaction(session, { lane, epoch: this.#epoch, saved: this.#saved })
      const startedAt = performance.now()
      const result = await this.#run(transaction, lane, work)
      this.#wrote(transaction.records, performance.now() - startedAt)
      return result
    })
  }

  /** The work is done a second time if it was told beforehand what would become of a batch, and that was wrong. */
  async #inThread<T>(thread: SqliteThread, lane: number, work: Work<T>): Promise<T> {
    const facts = { lane, epoch: this.#epoch, saved: this.#saved, habit: this.#habit }
    try {
      return await this.#run(new SqliteTransaction(thread, facts), lane, work, facts.saved.get(lane))
    } catch (error) {
      if ((error as Error).name !== otherThanExpected) throw error
      this.#habit.disappoint()
      return await this.#run(new SqliteTransaction(thread, facts), lane, work)
    }
  }

  /** `known`: what is saved for the lane; then the lock is not waited for before the work begins. */
  async #run<T>(transaction: SqliteTransaction, lane: number, work: Work<T>, known?: string): Promise<T> {
    try {
      const saved = known ?? (await transaction.lock())
      const result = await work(transaction, saved || undefined)
      if (lane === runLane) this.#file.check('now')
      this.#saved = await transaction.commit()
      return result
    } catch (error) {
      this.#saved = new Map()
      await transaction.rollback().catch(() => {})
      throw error
    }
  }

  ownElements(after: string | undefined, limit: number) {
    return this.#reading(({ elements }) => elements.own({ after }, limit))
  }

  ownContents(after: string | undefined, limit: number) {
    return this.#reading(({ elements }) => elements.contents(after, limit))
  }

  ownRelations(after: RelationRow | undefined, limit: number) {
    return this.#reading(({ relations }) => relations.own(after, limit))
  }

  staged(after: StagedRow | undefined, limit: number) {
    return this.#reading(({ absent }) => absent.read(after, limit))
  }

  settle(): Promise<void> {
    return this.#inTurn(async () => {
      this.#file.check('now')
      const session = await this.#open()
      await this.#atOnce(this.#thread?.state === 'ready' ? this.#thread : session, 'settle')
    })
  }

  ownerLinks(after: string | undefined, limit: number) {
    return this.#reading(({ elements }) => elements.ownerLinks(after, limit))
  }

  saved() {
    return this.#reading(({ positions }) => positions.saved())
  }

  readDeadLetters(after: DeadLetterKey | undefined, limit: number) {
    return this.#reading(({ letters }) => letters.read(after, limit))
  }

  countOwn(): Promise<number> {
    return this.#reading(async ({ elements, relations }) => (await elements.count()) + (await relations.count()))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#retire()
  }

  /** All that fails for the file's sake is told as the target's; the next one opens it anew where that may help. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const open = () => {
      if (this.#isClosed) throw new Error('It was closed before.')
      return work()
    }
    const result = this.#last.then(open).catch(async error => {
      const { path } = this.#facts
      if (this.#isClosed) throw new HotwellError('target_unavailable', `${path} has been closed.`, { cause: error })
      if (isLost(error)) await this.#retire()
      throw unavailable(error, path)
    })
    this.#last = result.catch(() => {})
    return result
  }

  #reading<T>(work: (session: SqliteSession) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      this.#file.check('seldom')
      return work(await this.#open())
    })
  }

  async #atOnce(side: SqliteSide, what: 'claim' | 'settle'): Promise<unknown> {
    try {
      return await side.run([step('begin'), step(what), step('commit')])
    } catch (error) {
      await side.run([step('rollback')]).catch(() => {})
      throw error
    }
  }

  async #open(): Promise<SqliteSession> {
    if (this.#session) return this.#session
    this.#file.check('now')
    this.#file.checkPlace()
    const { path, synchronous, busyLimitMs } = this.#facts
    // It makes the file and its folder, and puts right what a time as a read-only file has left behind.
    const file = await openSqlite(path, { synchronous, pageBytes, checkpointPages, busyLimitMs })
    await file.close()
    const session = new SqliteSession(this.#facts)
    try {
      await session.create()
      session.prepare()
      this.#file.adopt()
      if (this.#threads === true && this.#file.isKnown) {
        this.#thread = new SqliteThread(this.#facts)
        await this.#thread.started
      }
      if (this.#isClosed) throw new Error('It was closed meanwhile.')
    } catch (error) {
      session.close()
      throw error
    }
    return (this.#session = session)
  }

  #wrote(records: number, ms: number): void {
    if (this.#threads !== 'auto' || this.#thread || !this.#file.isKnown) return
    if (!this.#load.wrote(records, ms)) return
    this.#file.check('now')
    this.#thread = new SqliteThread(this.#facts)
  }

  /** Leaves the connections to the file. The thread comes last: closing the log is its work. */
  async #retire(): Promise<void> {
    const thread = this.#thread
    this.#session?.close()
    this.#session = this.#thread = undefined
    this.#saved = new Map()
    await thread?.close()
  }
}

/** What is the file's or the disk's fault is waited for. */
function unavailable(error: unknown, path: string): unknown {
  const failure = isHotwellError(error) ? error : sqliteFailure(error, path)
  if (!isHotwellError(failure, 'store_unavailable')) return failure
  return new HotwellError('target_unavailable', failure.message, { cause: failure.cause })
}
