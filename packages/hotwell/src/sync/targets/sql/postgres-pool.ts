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

/**
 * Without one, `pg` would take the environment's, or the database of whoever runs it.
 * @throws HotwellError `invalid_configuration`
 */
export function checkAddress(address: Partial<{ pool: unknown; connectionString: unknown }>): void {
  const { pool, connectionString } = address
  if (typeof (pool as PostgresPool | undefined)?.connect === 'function') return
  if (typeof connectionString === 'string' && addressForm.test(connectionString)) return
  const what = connectionString === undefined ? 'PostgreSQL needs an address' : 'This is no address of PostgreSQL'
  throw new HotwellError('invalid_configuration', `${what}: ${addressHint}`)
}

const addressForm = /^(postgres(ql)?:\/\/|socket:|\/)/
const addressHint = 'connectionString is like postgresql://user:password@host/database, or pool is a Pool of pg.'

/** @throws HotwellError `invalid_configuration` where `pg` is missing, or for what is no address */
export async function openPool(address: PostgresAddress, max: number): Promise<OpenPool> {
  if ('pool' in address && address.pool) return { pool: address.pool, close: async () => {} }
  const { connectionString } = address as { connectionString: string }
  const { Pool, Client } = await loadPg()
  try {
    new Client({ connectionString })
  } catch {
    // Its error may hold the address, and that a password.
    throw new HotwellError(
      'invalid_configuration',
      `The connectionString cannot be read: ${addressHint} In a password, write each of @ : / ? # % as %40 and so on.`,
    )
  }
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
  Client: new (options: { connectionString: string }) => unknown
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
