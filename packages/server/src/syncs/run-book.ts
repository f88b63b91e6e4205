import { existsSync } from 'node:fs'
import { HotwellError, type Logger } from 'hotwell'
import { type Database, type Migration, openSqlite } from 'hotwell/database'
import type { RunReport } from 'hotwell/monitoring'
import { isOver, type RunRecord } from './run-record.ts'

/** Who runs a sync. Without `server`: nobody any more, and it may be gone on with. */
export interface LeaseRow {
  sync: string
  server: string
  run: string
  process: string
  beat_at: number
}

interface Tables {
  sync_leases: LeaseRow
  sync_run_reports: { id: string; report: string }
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

const runsReports: Migration = {
  name: '002-runs-reports',
  async up(database) {
    await database.schema
      .createTable('sync_run_reports')
      .addColumn('id', 'text', column => column.primaryKey())
      .addColumn('report', 'text', column => column.notNull())
      .execute()
  },
}

const runsLeases: Migration = {
  name: '003-runs-leases',
  async up(database) {
    await database.schema
      .createTable('sync_leases')
      .addColumn('sync', 'text', column => column.primaryKey())
      .addColumn('server', 'text', column => column.notNull())
      .addColumn('run', 'text', column => column.notNull())
      .addColumn('process', 'text', column => column.notNull())
      .addColumn('beat_at', 'double precision', column => column.notNull())
      .execute()
  },
}

const purgeMs = 3_600_000
const retentionMs = 30 * 86_400_000

export interface RunSearch {
  readonly sync: string
  readonly limit: number
  /** Only runs behind this one. */
  readonly after?: Pick<RunRecord, 'createdAt' | 'id'>
}

/**
 * The record of runs, in a file of its own: a row a run, replaced as the run goes on. Runs that are over are kept for 30
 * days. Beside them lies which server runs which sync.
 */
export class RunBook {
  readonly #path: string
  readonly #log: Logger
  #opening: Promise<Database<Tables>> | undefined
  #purging: NodeJS.Timeout | undefined
  #isClosed = false
  /** Writes follow each other: what is told last stays. */
  #writing: Promise<void> = Promise.resolve()

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
    return this.#write(id, database =>
      database
        .insertInto('sync_runs')
        .values(row)
        .onConflict(conflict => conflict.column('id').doUpdateSet({ is_over: row.is_over, record: row.record }))
        .execute(),
    )
  }

  /** How a run went, with its samples; of one that went on after the server had ended, its last part. Never rejects. */
  putReport(report: RunReport): Promise<void> {
    const row = { id: report.run, report: JSON.stringify(report) }
    return this.#write(row.id, database =>
      database
        .insertInto('sync_run_reports')
        .values(row)
        .onConflict(conflict => conflict.column('id').doUpdateSet({ report: row.report }))
        .execute(),
    )
  }

  async report(id: string): Promise<RunReport | undefined> {
    const [row] = await (await this.#opened()).query(database =>
      database.selectFrom('sync_run_reports').select('report').where('id', '=', id).execute(),
    )
    return row && (JSON.parse(row.report) as RunReport)
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

  /** What else the file is asked. */
  readonly query: Database<Tables>['query'] = async run => (await this.#opened()).query(run)

  /** Purges now and every hour, until it is closed. */
  keepPurged(): void {
    const purge = () => void (this.isThere && this.purge(Date.now()).catch(() => {}))
    purge()
    this.#purging ??= setInterval(purge, purgeMs).unref()
  }

  async purge(now: number): Promise<void> {
    const opened = await this.#opened()
    await opened.query(database =>
      database
        .deleteFrom('sync_runs')
        .where('is_over', '=', 1)
        .where('created_at', '<', now - retentionMs)
        .execute(),
    )
    await opened.query(database =>
      database
        .deleteFrom('sync_run_reports')
        .where('id', 'not in', database.selectFrom('sync_runs').select('id'))
        .execute(),
    )
  }

  async close(): Promise<void> {
    clearInterval(this.#purging)
    await this.#writing
    this.#isClosed = true
    const database = await this.#opening?.catch(() => undefined)
    await database?.close()
  }

  #write(run: string, write: Parameters<Database<Tables>['query']>[0]): Promise<void> {
    const written = this.#writing.then(async () => {
      await (await this.#opened()).query(write)
    })
    this.#writing = written.catch(error => {
      this.#log.warn({ err: error, run }, `The record of a run could not be written: ${(error as Error).message}`)
    })
    return this.#writing
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
      await database.migrate([runsRecords, runsReports, runsLeases])
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
