import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ElementRow } from 'hotwell/sync'
import type pg from 'pg'
import { from } from 'pg-copy-streams'

const columns = 'id, type, name, owner_id, attributes, modified_at, origin, hash'
const table = `(id text collate "C" primary key, type text not null, name text not null, owner_id text collate "C",
  attributes jsonb not null, modified_at timestamptz, origin text not null, hash text not null)`
const postgresEpochMs = Date.UTC(2000, 0, 1)
const pieceRows = 500

/** One COPY of all rows in one transaction, encoded as they are sent: what Node and PostgreSQL can do at most. */
export async function rawCopy(pool: pg.Pool, rows: readonly ElementRow[]): Promise<number> {
  await pool.query('drop table if exists raw')
  await pool.query(`create table raw ${table}`)
  await settled(pool)
  const client = await pool.connect()
  const startedAt = performance.now()
  await client.query('begin')
  const copy = client.query(from(`copy raw (${columns}) from stdin (format binary)`))
  await pipeline(Readable.from(pieces(rows)), copy)
  await client.query('commit')
  const seconds = (performance.now() - startedAt) / 1000
  client.release()
  return rows.length / seconds
}

function* pieces(rows: readonly ElementRow[]): Generator<Buffer> {
  yield Buffer.from('PGCOPY\n\u00ff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
  for (let first = 0; first < rows.length; first += pieceRows) yield piece(rows.slice(first, first + pieceRows))
  yield Buffer.from([0xff, 0xff])
}

function piece(rows: readonly ElementRow[]): Buffer {
  const buffer = Buffer.allocUnsafe(rows.reduce((sum, { bytes }) => sum + bytes * 3 + 200, 0))
  let at = 0
  const text = (value: string) => {
    const bytes = buffer.write(value, at + 4)
    buffer.writeInt32BE(bytes, at)
    at += 4 + bytes
  }
  for (const { id, type, name, ownerId, attributes, modifiedAt, hash } of rows) {
    at = buffer.writeInt16BE(8, at)
    text(id)
    text(type)
    text(name)
    if (ownerId === null) at = buffer.writeInt32BE(-1, at)
    else text(ownerId)
    const bytes = buffer.write(attributes, at + 5)
    buffer.writeInt32BE(bytes + 1, at)
    buffer[at + 4] = 1
    at += 5 + bytes
    if (modifiedAt === null) at = buffer.writeInt32BE(-1, at)
    else {
      at = buffer.writeInt32BE(8, at)
      const microseconds = (modifiedAt - postgresEpochMs) * 1000
      at = buffer.writeInt32BE(Math.floor(microseconds / 2 ** 32), at)
      at = buffer.writeUInt32BE(microseconds % 2 ** 32, at)
    }
    text('plant')
    text(hash)
  }
  return buffer.subarray(0, at)
}

/** One record a statement, each committed by itself. */
export async function singleInserts(pool: pg.Pool, rows: readonly ElementRow[]): Promise<number> {
  await pool.query('drop table if exists single')
  await pool.query(`create table single ${table}`)
  const client = await pool.connect()
  const text = `insert into single (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do update set
    type = excluded.type, name = excluded.name, owner_id = excluded.owner_id, attributes = excluded.attributes,
    modified_at = excluded.modified_at, hash = excluded.hash where single.hash <> excluded.hash`
  const startedAt = performance.now()
  for (const { id, type, name, ownerId, attributes, modifiedAt, hash } of rows) {
    const at = modifiedAt === null ? null : new Date(modifiedAt)
    await client.query({ name: 'single', text, values: [id, type, name, ownerId, attributes, at, 'plant', hash] })
  }
  const seconds = (performance.now() - startedAt) / 1000
  client.release()
  return rows.length / seconds
}

export async function dropTables(pool: pg.Pool): Promise<void> {
  const ledger = ['positions', 'seen', 'absent', 'pending', 'dead_letters', 'split'].map(name => `hotwell_${name}`)
  await pool.query(`drop table if exists elements, relations, ${ledger.join(', ')}`)
  await settled(pool)
}

/** What was measured before is written back, so that nothing of it is in the next figure. */
async function settled(pool: pg.Pool): Promise<void> {
  await pool.query('checkpoint')
}
