import type { SqlValue } from '../../ledger/sql-connection.ts'
import { PostgresBytes } from './postgres-bytes.ts'

/*
 * The messages of the extended query protocol, with unnamed statements and portals.
 * https://www.postgresql.org/docs/15/protocol-message-formats.html
 */

/** Before what a COPY reads. */
export const copyDataHeaderBytes = 5
const letter = (text: string) => text.charCodeAt(0)
export const copyDataLetter = letter('d')
export const copyDone = Buffer.from([letter('c'), 0, 0, 0, 4])
export const sync = Buffer.from([letter('S'), 0, 0, 0, 4])
const describePortal = Buffer.from([letter('D'), 0, 0, 0, 6, letter('P'), 0])
const executePortal = Buffer.from([letter('E'), 0, 0, 0, 9, 0, 0, 0, 0, 0])
const utf8MostBytes = 3

/** Has a statement parsed, bound to its values, described and executed. */
export function executeMessages(statement: string, values: readonly SqlValue[]): Buffer {
  const bytes = new PostgresBytes(
    64 + mostBytes(statement) + values.reduce<number>((sum, one) => sum + mostBytes(one), 0),
  )
  message(bytes, 'P', () => {
    bytes.byte(0)
    bytes.utf8(statement)
    bytes.byte(0)
    bytes.int16(0)
  })
  message(bytes, 'B', () => {
    bytes.int16(0)
    bytes.int16(values.length)
    for (const value of values) bytes.int16(value instanceof Uint8Array ? 1 : 0)
    bytes.int16(values.length)
    for (const value of values) putValue(bytes, value)
    bytes.int16(0)
  })
  bytes.bytes(describePortal)
  bytes.bytes(executePortal)
  return bytes.written
}

function message(bytes: PostgresBytes, type: string, body: () => void): void {
  bytes.byte(letter(type))
  const start = bytes.length
  bytes.int32(0)
  body()
  bytes.int32At(start, bytes.length - start)
}

function putValue(bytes: PostgresBytes, value: SqlValue): void {
  if (value === null) bytes.int32(-1)
  else if (value instanceof Uint8Array) {
    bytes.int32(value.length)
    bytes.bytes(value)
  } else bytes.text(String(value))
}

function mostBytes(value: SqlValue): number {
  // The longest number has 24 characters; 6 are its length and format.
  if (typeof value === 'string') return value.length * utf8MostBytes + 6
  return value instanceof Uint8Array ? value.length + 6 : 30
}
