import { exactJson } from '../model/exact-json.ts'
import type { RowMapping } from './sqlite-columns.ts'
import type { SqliteRow } from './sqlite-file.ts'

/** As `datetime()` writes it, in UTC: https://www.sqlite.org/lang_datefunc.html */
const sqliteInstant = /^\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d+)?)?$/
/** What a value costs besides its text, about. */
const valueBytes = 8

/** Makes records of rows. */
export class RowReader {
  readonly #mapping: RowMapping

  constructor(mapping: RowMapping) {
    this.#mapping = mapping
  }

  /** So many of the rows as have room, one at least; all that have the last one's key, if several may have it. */
  page(rows: readonly SqliteRow[], pageBytes: number, hasDoubles: boolean) {
    const { key } = this.#mapping
    const records: unknown[] = []
    let bytes = 0
    let last: string[] | undefined
    for (const row of rows) {
      const next = key.map(field => String(row[field]))
      bytes += sizeOf(row)
      const isSame = hasDoubles && last?.every((part, index) => part === next[index])
      if (bytes > pageBytes && last && !isSame) break
      last = next
      records.push(this.#record(row))
    }
    return { records, last }
  }

  #record(row: SqliteRow): unknown {
    const { fields, attributes, kind } = this.#mapping
    const deleted = row.deleted ? { deleted: true } : {}
    if (kind === 'relation') return { from: String(row.from), type: String(row.type), to: String(row.to), ...deleted }
    const record: Record<string, unknown> = { id: String(row.id), ...deleted }
    for (const field of ['type', 'name'])
      if (row[field] !== null && row[field] !== undefined) record[field] = String(row[field])
    if (row.ownerId !== null && row.ownerId !== undefined) record.ownerId = String(row.ownerId)
    if (row.modifiedAt !== null && row.modifiedAt !== undefined) record.modifiedAt = instant(row.modifiedAt)
    if (fields.attributes) record.attributes = parsed(row.attributes)
    else record.attributes = Object.fromEntries(attributes.map(name => [name, value(row[`attribute ${name}`])]))
    return record
  }
}

/** What is no JSON stays a text: then the record is at fault. */
function parsed(given: unknown): unknown {
  if (given === null) return {}
  const text = given instanceof Uint8Array ? Buffer.from(given).toString() : String(given)
  try {
    return exactJson(text)
  } catch {
    return text
  }
}

function instant(given: unknown): unknown {
  if (typeof given === 'string' && sqliteInstant.test(given)) return `${given.replace(' ', 'T')}Z`
  return value(given)
}

/** As JSON has it: what is no exact number there as text, bytes in base64. */
function value(given: unknown): unknown {
  if (typeof given === 'bigint') return Number.isSafeInteger(Number(given)) ? Number(given) : String(given)
  if (typeof given === 'number' && !Number.isFinite(given)) return String(given)
  if (given instanceof Uint8Array) return Buffer.from(given).toString('base64')
  return given
}

function sizeOf(row: SqliteRow): number {
  let bytes = 0
  for (const name in row) {
    const field = row[name]
    bytes += typeof field === 'string' || field instanceof Uint8Array ? field.length : valueBytes
  }
  return bytes
}
