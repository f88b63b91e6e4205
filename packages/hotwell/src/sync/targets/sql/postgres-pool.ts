import { HotwellError } from '../../../core/errors.ts'

/** What is needed of a `Pool` of `pg` 8. A pool of sessions: one of whole transactions only, as of PgBouncer, is none. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
  end(): Promise<void>
  /** How many clients it has at most. */
  readonly options?: { readonly max?: number }
}

export interface PostgresClient {
  // biome-ignore lint/suspicious/noExplicitAny: `pg` hands its own connection in, which no type here can name
  query(query: { submit(connection: any): void }): unknown
  release(error?: Error | boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
}

export type PostgresAddress =
  | {
      /** It stays open, and is its owner's to end. */
      readonly pool: PostgresPool
    }
  | {
      /** `postgresql://user:password@host/database`; the package `pg` is loaded when it connects. */
      readonly connectionString: string
    }

/** A pool, and what to do when it is needed no more. */
export interface OpenPool {
  readonly pool: PostgresPool
  readonly close: () => Promise<void>
}

/** @throws HotwellError `invalid_configuration` where `pg` is missing */
export async function openPool(address: PostgresAddress, max: number): Promise<OpenPool> {
  if ('pool' in address) return { pool: address.pool, close: async () => {} }
  const { connectionString } = address
  const { Pool } = await loadPg()
  const pool = new Pool({ connectionString, max, application_name: 'hotwell' })
  // A client that nobody uses was lost: the next one is new.
  pool.on('error', () => {})
  let isEnded: Promise<void> | undefined
  return {
    pool,
    close: () => {
      isEnded ??= pool.end()
      return isEnded
    },
  }
}

interface PgPackage {
  Pool: new (options: {
    connectionString: string
    max: number
    application_name: string
  }) => PostgresPool & { on(event: 'error', listener: (error: Error) => void): unknown }
}

async function loadPg(): Promise<PgPackage> {
  const name = 'pg'
  try {
    const loaded = (await import(name)) as { default?: PgPackage } & PgPackage
    return loaded.default ?? loaded
  } catch (error) {
    throw new HotwellError(
      'invalid_configuration',
      'A connectionString needs the package pg: npm install pg, or hand in a pool.',
      { cause: error },
    )
  }
}
