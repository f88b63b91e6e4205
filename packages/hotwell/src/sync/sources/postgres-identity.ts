import { hash } from 'node:crypto'
import { HotwellError } from '../../core/errors.ts'
import type { PostgresAddress } from '../targets/sql/postgres-pool.ts'

interface PoolOptions {
  readonly connectionString?: string
  readonly host?: string
  readonly port?: number | string
  readonly database?: string
}

/**
 * Where the data is, without user or password.
 * @throws HotwellError `invalid_configuration` for a pool that does not say it
 */
export function addressOf(address: PostgresAddress): string {
  const options: PoolOptions = 'pool' in address ? ((address.pool.options ?? {}) as PoolOptions) : address
  if (options.connectionString !== undefined) return ofText(options.connectionString)
  const { host = 'localhost', port = 5432, database } = options
  if (database !== undefined) return `${host}:${port}/${database}`
  throw new HotwellError('invalid_configuration', 'The pool does not say which database it leads to: give an identity.')
}

function ofText(connectionString: string): string {
  if (!URL.canParse(connectionString))
    throw new HotwellError(
      'invalid_configuration',
      'A connectionString is like postgresql://user:password@host/database; otherwise give an identity.',
    )
  const { hostname, port, pathname, searchParams } = new URL(connectionString)
  const host = searchParams.get('host') ?? hostname
  // They may choose a schema.
  const options = searchParams.get('options')
  const chosen = options === null ? '' : ` ${hash('sha256', options, 'base64url').slice(0, 10)}`
  return `${host}:${port || 5432}${pathname}${chosen}`
}
