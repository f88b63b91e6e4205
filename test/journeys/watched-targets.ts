import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { expect } from 'vitest'
import { startPostgres } from '../services/postgres.ts'
import { type Ending, temporaryFolder } from './scene.ts'

/** What a test sees of a target. */
export interface Watched {
  /** As the program `sync-run` gets it. */
  readonly target: object
  /** Records a transaction. */
  readonly batchSize: number
  /** Counts each write to elements and relations, and each position, from now on. */
  watch(): Promise<void>
  read(): Promise<{ elements: string[]; relations: string[]; pending: string[] }>
  /** Records that were written more than once since this was last asked. */
  writtenTwice(): Promise<string[]>
  /** Positions in the order in which they were committed. */
  positions(): Promise<{ pass: number; page: number; lane: number }[]>
  /** Whether another process is in the middle of a transaction. */
  isBeingWritten(): Promise<boolean>
}

/** Runs statements; rows are plain objects. */
type Query = <Row = unknown>(statement: string) => Promise<Row[]>

interface ElementRow {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly owner_id: string | null
  readonly attributes: string
}

/** What both databases say in the same words. */
function watched(facts: Pick<Watched, 'target' | 'batchSize' | 'watch' | 'isBeingWritten'>, query: Query): Watched {
  const texts = async (statement: string) => (await query<{ what: string }>(statement)).map(({ what }) => what)
  const edges = async (table: string) =>
    (await texts(`select from_id || ' ' || type || ' ' || to_id as what from ${table}`)).sort()
  return {
    ...facts,
    async read() {
      const rows = await query<ElementRow>(
        'select id, type, name, owner_id, cast(attributes as text) as attributes from elements',
      )
      const elements = rows.map(({ id, type, name, owner_id, attributes }) => {
        const sorted = Object.entries(JSON.parse(attributes) as object).sort(([one], [other]) => (one < other ? -1 : 1))
        return `${id}|${type}|${name}|${owner_id ?? ''}|${JSON.stringify(Object.fromEntries(sorted))}`
      })
      const [relations, pending] = [await edges('relations'), await edges('hotwell_pending')]
      return { elements: elements.sort(), relations, pending }
    },
    async writtenTwice() {
      const twice = await texts('select what from audit group by what having count(*) > 1')
      await query('delete from audit')
      return twice
    },
    async positions() {
      const rows = await query<{ lane: number; saved: string }>(
        'select lane, saved from audited_positions where lane >= 0 order by number',
      )
      return rows.filter(({ saved }) => saved !== '').map(({ lane, saved }) => ({ ...JSON.parse(saved), lane }))
    },
  }
}

const keys = { elements: ['id'], relations: ['from_id', 'type', 'to_id'] }
const operations = { insert: 'new', update: 'new', delete: 'old' }

/** `insert <key>` and so on, of the row that a trigger sees. */
function whatOf(columns: readonly string[], operation: string, row: string): string {
  return `'${operation} ' || ${columns.map(column => `${row}.${column}`).join(` || ' ' || `)}`
}

export async function watchedSqlite(ending: Ending): Promise<Watched> {
  const path = `${await temporaryFolder(ending)}/plant.db`
  const opened = <T>(work: (database: DatabaseSync) => T): T => {
    const database = new DatabaseSync(path, { timeout: 10_000 })
    try {
      return work(database)
    } finally {
      database.close()
    }
  }
  const query: Query = async <Row>(statement: string) =>
    opened(database => database.prepare(statement).all() as unknown as Row[])
  const watch = async () =>
    opened(database => {
      database.exec('create table audit (what text)')
      database.exec('create table audited_positions (number integer primary key, lane, saved)')
      for (const [table, columns] of Object.entries(keys))
        for (const [operation, row] of Object.entries(operations))
          database.exec(`create trigger ${table}_${operation} after ${operation} on ${table}
            begin insert into audit values (${whatOf(columns, operation, row)}); end`)
      database.exec(`create trigger positions after update of saved on hotwell_positions
        begin insert into audited_positions (lane, saved) values (new.lane, new.saved); end`)
    })
  const isBeingWritten = async () => {
    const database = new DatabaseSync(path, { timeout: 0 })
    try {
      database.exec('begin immediate; rollback')
      return false
    } catch {
      return true
    } finally {
      database.close()
    }
  }
  return watched({ target: { sqlite: path }, batchSize: 1000, watch, isBeingWritten }, query)
}

export async function watchedPostgres(ending: Ending): Promise<Watched> {
  const service = await startPostgres()
  ending.onTestFinished(() => service.stop())
  const { connectionString } = await service.database()
  const client = new Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  ending.onTestFinished(() => client.end())
  const query: Query = async statement => (await client.query(statement)).rows
  const watch = async () => {
    await query('create table audit (what text)')
    await query('create table audited_positions (number bigserial, lane int, saved text)')
    for (const [table, columns] of Object.entries(keys))
      for (const [operation, row] of Object.entries(operations)) {
        await query(`create function ${table}_${operation}() returns trigger language plpgsql as $$
          begin insert into audit values (${whatOf(columns, operation, row)}); return null; end $$`)
        await query(`create trigger ${table}_${operation} after ${operation} on ${table}
          for each row execute function ${table}_${operation}()`)
      }
    await query(`create function positions() returns trigger language plpgsql as $$
      begin insert into audited_positions (lane, saved) values (new.lane, new.saved); return null; end $$`)
    await query(`create trigger positions after update of saved on hotwell_positions
      for each row execute function positions()`)
  }
  const isBeingWritten = async () => {
    const [row] = await query<{ is: boolean }>(`select exists (select 1 from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and backend_xid is not null) as is`)
    return row!.is
  }
  return watched({ target: { postgres: connectionString }, batchSize: 5000, watch, isBeingWritten }, query)
}

/** As toEqual, but shows only what differs. */
export function expectSame(found: Record<string, string[]>, expected: Record<string, string[]>): void {
  const [there, wanted] = [
    new Set(Object.entries(found).flatMap(rowsOf)),
    new Set(Object.entries(expected).flatMap(rowsOf)),
  ]
  expect({
    missing: [...wanted].filter(row => !there.has(row)).slice(0, 5),
    extra: [...there].filter(row => !wanted.has(row)).slice(0, 5),
    count: there.size,
  }).toEqual({ missing: [], extra: [], count: wanted.size })
}

const rowsOf = ([kind, rows]: [string, string[]]) => rows.map(row => `${kind}: ${row}`)
