import type { SqlValue } from '../../ledger/sql-connection.ts'
import { copyDone, executeMessages, sync } from './postgres-messages.ts'

/** A statement with `$1`, `$2`, … for its values. */
export interface ExchangeStatement {
  readonly text: string
  readonly values?: readonly SqlValue[]
  /** What a `copy … from stdin` reads, as CopyData messages; written piece by piece as they are made. */
  readonly copied?: Iterable<Uint8Array>
}

/** What came of one statement. */
export interface ExchangeResult {
  readonly rows: Record<string, unknown>[]
  /** Of the rows, also where there are none. */
  readonly fields: readonly RowField[]
  /** Such as `COMMIT`, or `INSERT 0 17`. */
  tag: string
}

/** What `pg` hands to what it is to send; of its connection this much is used. */
export interface WireConnection {
  readonly stream: { write(bytes: Uint8Array): unknown; readonly writable: boolean }
}

export interface RowField {
  readonly name: string
  /** The object id of its type. */
  readonly dataTypeID: number
}

/**
 * Several statements, and data for a COPY among them, in one go and with one answer: what comes after a statement that
 * fails is not executed. `pg` sends it like its own queries, one at a time.
 * https://www.postgresql.org/docs/15/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
export class PostgresExchange {
  readonly results: Promise<ExchangeResult[]>
  readonly #statements: readonly ExchangeStatement[]
  readonly #results: ExchangeResult[] = []
  readonly #settled = Promise.withResolvers<ExchangeResult[]>()
  #rows: Record<string, unknown>[] = []
  #fields: readonly RowField[] = []

  constructor(statements: readonly ExchangeStatement[]) {
    this.#statements = statements
    this.results = this.#settled.promise
    // Whoever waits for it hears of it.
    this.results.catch(() => {})
  }

  submit({ stream }: WireConnection): Error | undefined {
    if (!stream.writable) return new Error('The connection has ended.')
    for (const { text, values = [], copied } of this.#statements) {
      stream.write(executeMessages(text, values))
      if (!copied) continue
      // The server begins while the pieces are made. If it cannot, it skips them.
      for (const piece of copied) stream.write(piece)
      stream.write(copyDone)
    }
    stream.write(sync)
    return undefined
  }

  handleRowDescription({ fields }: { fields: readonly RowField[] }): void {
    this.#fields = fields
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const row: Record<string, unknown> = {}
    for (let index = 0; index < fields.length; index++) {
      const { name, dataTypeID } = this.#fields[index]!
      row[name] = decoded(fields[index]!, dataTypeID)
    }
    this.#rows.push(row)
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#results.push({ rows: this.#rows, fields: this.#fields, tag: text })
    this.#rows = []
    this.#fields = []
  }

  handleCopyInResponse(): void {}

  handleEmptyQuery(): void {}

  handleReadyForQuery(): void {
    this.#settled.resolve(this.#results)
  }

  handleError(error: unknown): void {
    this.#settled.reject(error)
  }

  /** `pg` puts its own time limits around it. */
  callback(): void {}
}

/** Whatever parsers were registered with `pg`, here a number is a number. Other types stay texts. */
function decoded(text: string | null, type: number): unknown {
  if (text === null) return null
  switch (type) {
    case 16:
      return text === 't'
    case 17:
      return Uint8Array.from(Buffer.from(text.slice(2), 'hex'))
    case 20:
    case 21:
    case 23:
    case 700:
    case 701:
      return Number(text)
    default:
      return text
  }
}
