import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import {
  type PostgresDatabase,
  type PostgresService,
  type PostgresServiceOptions,
  startPostgres,
} from '../../../../test/services/postgres.ts'
import { canonicalJson } from '../../src/sync/model/canonical-json.ts'

/** A database of a file's own, with a pool to it; made before its tests and gone behind them. */
export function postgresScene(options: PostgresServiceOptions = {}) {
  let service: PostgresService
  let database: PostgresDatabase
  let pool: pg.Pool
  let prefixes = 0
  beforeAll(async () => {
    service = await startPostgres(options)
    database = await service.database()
    pool = new pg.Pool({ connectionString: database.connectionString, max: 20 })
    pool.on('error', () => {})
  }, 600_000)
  afterAll(async () => {
    await pool?.end()
    await database?.drop()
    await service?.stop()
  })
  return {
    get pool() {
      return pool
    },
    get connectionString() {
      return database.connectionString
    },
    /** Of tables that nobody else has. */
    prefix: () => `t${++prefixes}_`,
    async rows<Row extends object>(statement: string, values: unknown[] = []): Promise<Row[]> {
      return (await pool.query<Row>(statement, values)).rows
    },
    /** What a sync has there, as its model expects it. */
    async graph(prefix: string, sync: string) {
      const texts = async (statement: string) =>
        (await pool.query<{ row: string }>(statement, [sync])).rows.map(({ row }) => row).sort()
      const edges = (table: string) => `select from_id || chr(1) || type || chr(1) || to_id as row
        from ${prefix}${table} where origin = $1`
      const { rows: elements } = await pool.query(`select * from ${prefix}elements where origin = $1`, [sync])
      const names = (row: string) => row.replaceAll('\u0001', '\0')
      return {
        elements: elements
          .map(({ id, type, name, owner_id, attributes }) =>
            [id, type, name, owner_id ?? '', canonicalJson(attributes)].join('|'),
          )
          .sort(),
        relations: (await texts(edges('relations'))).map(names).sort(),
        pending: (await texts(edges('hotwell_pending'))).map(names).sort(),
      }
    },
    async drop(prefix: string) {
      const tables = ['elements', 'relations', ...ledger.map(name => `hotwell_${name}`)]
      const statement = `drop table if exists ${tables.map(name => prefix + name).join(', ')}`
      // Whoever was let go, and is in the middle of a transaction still, has locked them in another order.
      for (let tries = 1; ; tries++)
        try {
          return void (await pool.query(statement))
        } catch (error) {
          if ((error as { code?: string }).code !== deadlockDetected || tries === 5) throw error
        }
    },
  }
}

const deadlockDetected = '40P01'
const ledger = ['positions', 'seen', 'absent', 'pending', 'dead_letters', 'split']
