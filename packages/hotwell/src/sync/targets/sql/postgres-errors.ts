import { HotwellError, isHotwellError } from '../../../core/errors.ts'

/*
 * What PostgreSQL's errors mean, by SQLSTATE: two characters of class, three of condition.
 * https://www.postgresql.org/docs/15/errcodes-appendix.html
 */

/** Bad data, a constraint, and what goes beyond a limit of the server, such as an index entry too long. */
const dataClasses = new Set(['22', '23', '54'])
/** Undefined, not allowed, wrong password, no such database: these do not pass by themselves. */
const lastingClasses = new Set(['0A', '28', '3D', '3F', '42'])
export const uniqueViolation = '23505'
export const lockNotAvailable = '55P03'
export const duplicateTable = '42P07'
export const insufficientPrivilege = '42501'
export const tooManyConnections = '53300'
const readOnly = '25006'

export function sqlState(error: unknown): string | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** Why PostgreSQL does not take a record; undefined where the record is not at fault. */
export function dataReason(error: unknown): string | undefined {
  const state = sqlState(error)
  if (state === undefined || !dataClasses.has(state.slice(0, 2))) return undefined
  const { message, detail } = error as { message: string; detail?: string }
  return `PostgreSQL cannot take it: ${message}${detail ? ` (${detail.replace(/\.$/, '')})` : ''}. SQLSTATE ${state}.`
}

/** Whether the connection is of no more use: the server did not answer, or said that it ends. */
export function isLost(error: unknown): boolean {
  const state = sqlState(error)
  return state === undefined || state.startsWith('08') || state.startsWith('57P') || state === '25P03'
}

export type PostgresFailureCode = 'target_unavailable' | 'source_failed'

/** What the loss of a connection becomes. */
export function postgresLoss(error: unknown, code: PostgresFailureCode): HotwellError {
  if (isHotwellError(error)) return error
  const { message } = error as Error
  return new HotwellError(code, `PostgreSQL does not answer: ${message || describe(error)}.`, { cause: error })
}

/** What an answer of the server's becomes: it passes and is tried again, unless its kind lasts. */
export function postgresFailure(error: unknown, code: PostgresFailureCode): unknown {
  const state = sqlState(error)
  if (state === undefined || isHotwellError(error)) return error
  const { message } = error as Error
  const retryable = !lastingClasses.has(state.slice(0, 2)) && !dataClasses.has(state.slice(0, 2))
  if (state === readOnly)
    return new HotwellError(
      code,
      'PostgreSQL takes no changes: it is a standby, or default_transaction_read_only is on (SQLSTATE 25006).',
      { cause: error },
    )
  return new HotwellError(code, `PostgreSQL refuses: ${message} (SQLSTATE ${state}).`, { cause: error, retryable })
}

/** An AggregateError of several addresses has no message of its own. */
function describe(error: unknown): string {
  const { code, name } = error as { code?: string; name?: string }
  return code ?? name ?? String(error)
}
