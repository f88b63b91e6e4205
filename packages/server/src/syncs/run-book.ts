import { existsSync } from 'node:fs'
import { HotwellError, type Logger } from 'hotwell'
import { type Database, type Migration, openSqlite } from 'hotwell/database'
import { isOver, type RunRecord } from './run-record.ts'

interface Tables {
  sync_runs: { id: string; sync: string; is_over: number; created_at: number; record: string }
}

const runsRecords: Migration = {
  name: '001-runs-records',
  async up(database) {
    await database.schema
      .createTable('sync_runs')
      .addColumn('id', 'text', column => column.primaryKey())
      .addColumn('sync', 'text', column => column.notNull())
      .addColumn('is_over', 'integer', column => column.notNull())
      .addColumn('created_at', 'double precision', column => column.notNull())
      .addColumn('record', 'text', column => column.notNull())
      .execute()
    await database.schema
      .createIndex('sync_runs_by_sync')
      .on('sync_runs')
      .columns(['sync', 'created_at', 'id'])
      .execute()
  },
}

const retentionMs = 30 * 86_400_000

export interface RunSearch {
  readonly sync: string
  readonly limit: number
  /** Only runs behind this one. */
  readonly after?: Pick<RunRecord, 'createdAt' | 'id'>
}

/**
 * The record of runs, in a file of its own: a row a run, replaced as the run goes on. Runs that are over are kept for 30
 * days. One server at a time has the file.
 */
export class RunBook {
  readonly #path: string
  readonly #log: Logger
  #opening: Promise<Database<Tables>> | undefined
  #isClosed = false
  /** Writes follow each other: what is told last stays. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(path: string, log: Logger) {
    this.#path = path
    this.#log = log
  }

  /** Whether anything was ever written down. */
  get isThere(): boolean {
    return existsSync(this.#path)
  }

  /** Never rejects: a run goes on also while nobody can write down that it does. */
  put(record: RunRecord): Promise<void> {
    const { id, sync, createdAt } = record
    const row = { id, sync, is_over: isOver(record) ? 1 : 0, created_at: createdAt, record: JSON.stringify(record) }
    const written = this.#writing.then(async () =>
      (await this.#opened()).query(database =>
        database
          .insertInto('sync_runs')
          .values(row)
          .onConflict(conflict => conflict.column('id').doUpdateSet({ is_over: row.is_over, record: row.record }))
          .execute(),
      ),
    )
    this.#writing = written.catch(error => {
      this.#log.warn({ err: error, run: id }, `The record of a run could not be written: ${(error as Error).message}`)
    })
    return this.#writing as Promise<void>
  }

  async get(id: string): Promise<RunRecord | undefined> {
    const rows = await (await this.#opened()).query(database =>
      database.selectFrom('sync_runs').select('record').where('id', '=', id).execute(),
    )
    return rows.map(recordOf)[0]
  }

  /** The newest first. */
  async search({ sync, limit, after }: RunSearch): Promise<RunRecord[]> {
    const rows = await (await this.#opened()).query(database => {
      const query = database
        .selectFrom('sync_runs')
        .select('record')
        .where('sync', '=', sync)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
      if (!after) return query.execute()
      const { createdAt, id } = after
      return query
        .where(where =>
          where.or([
            where('created_at', '<', createdAt),
            where.and([where('created_at', '=', createdAt), where('id', '<', id)]),
          ]),
        )
        .execute()
    })
    return rows.map(recordOf)
  }

  /** Those that are not over, the oldest first. */
  async unfinished(): Promise<RunRecord[]> {
    const rows = await (await this.#opened()).query(database =>
      database.selectFrom('sync_runs').select('record').where('is_over', '=', 0).orderBy('created_at').execute(),
    )
    return rows.map(recordOf)
  }

  async purge(now: number): Promise<void> {
    await (await this.#opened()).query(database =>
      database
        .deleteFrom('sync_runs')
        .where('is_over', '=', 1)
        .where('created_at', '<', now - retentionMs)
        .execute(),
    )
  }

  async close(): Promise<void> {
    await this.#writing
    this.#isClosed = true
    const database = await this.#opening?.catch(() => undefined)
    await database?.close()
  }

  #opened(): Promise<Database<Tables>> {
    if (this.#isClosed) throw new HotwellError('closed', `${this.#path} has been closed.`)
    this.#opening ??= this.#open().catch(error => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #open(): Promise<Database<Tables>> {
    const database = await openSqlite<Tables>(this.#path)
    try {
      await database.migrate([runsRecords])
      return database
    } catch (error) {
      await database.close()
      throw error
    }
  }
}

function recordOf({ record }: { record: string }): RunRecord {
  return JSON.parse(record) as RunRecord
}
