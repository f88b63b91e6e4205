import type { ElementRow } from '../../model/rows.ts'
import { PostgresBytes } from './postgres-bytes.ts'
import { copyDataHeaderBytes, copyDataLetter } from './postgres-messages.ts'

/** In this order they are copied. */
export const copiedColumns = ['id', 'type', 'name', 'owner_id', 'attributes', 'modified_at', 'origin', 'hash'] as const

/** Large enough for few writes, small enough for the server to begin early. */
const pieceBytes = 128 * 1024
/** Signature, flags and no extension. https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.4 */
const fileHeader = Buffer.from('PGCOPY\n\u00ff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const fileTrailer = Buffer.from([0xff, 0xff])
const jsonbVersion = 1
/** 2000-01-01, where PostgreSQL's instants begin; in ms since 1970. */
const postgresEpochMs = 946_684_800_000
const instantBytes = 8
/** What has room in microseconds, and rather more than JavaScript and PostgreSQL know. */
const latestMs = 9e15
/** Rather less than infinity, and later than any instant that PostgreSQL knows: it refuses the row. */
const beyondAllInstants = 2n ** 63n - 2n

/** Rows for `copy … (copiedColumns) from stdin (format binary)`, as CopyData messages. */
export function* copyMessages(rows: readonly ElementRow[], origin: string): Generator<Uint8Array> {
  const originBytes = Buffer.from(origin)
  let piece = begin(pieceBytes)
  piece.bytes(fileHeader)
  for (const row of rows) {
    const most = mostBytes(row) + originBytes.length
    if (piece.room < most) {
      yield end(piece)
      piece = begin(Math.max(pieceBytes, most + copyDataHeaderBytes + fileTrailer.length))
    }
    putRow(piece, row, originBytes)
  }
  piece.bytes(fileTrailer)
  yield end(piece)
}

function begin(bytes: number): PostgresBytes {
  const piece = new PostgresBytes(bytes)
  piece.byte(copyDataLetter)
  piece.int32(0)
  return piece
}

function end(piece: PostgresBytes): Uint8Array {
  piece.int32At(1, piece.length - 1)
  return piece.written
}

/** With the trailer, which may follow. */
function mostBytes({ id, type, name, ownerId, attributes, hash }: ElementRow): number {
  const characters = id.length + type.length + name.length + (ownerId?.length ?? 0) + attributes.length + hash.length
  return characters * 3 + 64
}

function putRow(piece: PostgresBytes, row: ElementRow, origin: Uint8Array): void {
  piece.int16(copiedColumns.length)
  piece.text(row.id)
  piece.text(row.type)
  piece.text(row.name)
  if (row.ownerId === null) piece.int32(-1)
  else piece.text(row.ownerId)
  putJson(piece, row.attributes)
  putInstant(piece, row.modifiedAt)
  piece.int32(origin.length)
  piece.bytes(origin)
  piece.text(row.hash)
}

function putJson(piece: PostgresBytes, json: string): void {
  const start = piece.length
  piece.int32(0)
  piece.byte(jsonbVersion)
  piece.utf8(json)
  piece.int32At(start, piece.length - start - 4)
}

/** Microseconds since 2000. */
function putInstant(piece: PostgresBytes, at: number | null): void {
  if (at === null) {
    piece.int32(-1)
    return
  }
  piece.int32(instantBytes)
  const microseconds = Math.round((at - postgresEpochMs) * 1000)
  if (Number.isSafeInteger(microseconds)) {
    const high = Math.floor(microseconds / 2 ** 32)
    piece.int32(high)
    piece.int32(microseconds - high * 2 ** 32)
    return
  }
  const value = Math.abs(at) < latestMs ? BigInt(Math.round(at - postgresEpochMs)) * 1000n : beyondAllInstants
  piece.int32(Number(BigInt.asIntN(32, value >> 32n)))
  piece.int32(Number(BigInt.asIntN(32, value)))
}

/** A value for `$n::text[]`. https://www.postgresql.org/docs/15/arrays.html; its binary form is that of array_recv(). */
export function textArray(values: readonly string[]): Uint8Array {
  const characters = values.reduce((sum, value) => sum + value.length, 0)
  const bytes = new PostgresBytes(20 + values.length * 4 + characters * 3)
  const textType = 25
  bytes.int32(values.length === 0 ? 0 : 1)
  bytes.int32(0)
  bytes.int32(textType)
  if (values.length === 0) return bytes.written
  bytes.int32(values.length)
  bytes.int32(1)
  for (const value of values) bytes.text(value)
  return bytes.written
}
