import type { DeadLetter, DeadLetterKey } from '../model/rows.ts'
import type { SqlConnection } from './sql-connection.ts'
import type { SqlTables } from './sql-tables.ts'

/** Each may show some kilobytes of its record. */
const lettersAtOnce = 500

/** Records that could not be taken, each with the reason, until a reading takes them. */
export class DeadLetters {
  readonly #connection: SqlConnection
  readonly #table: string
  readonly #sync: string

  constructor(connection: SqlConnection, { deadLetters }: SqlTables, sync: string) {
    this.#connection = connection
    this.#table = deadLetters
    this.#sync = sync
  }

  async put(run: string, letters: readonly DeadLetter[]): Promise<void> {
    const { run: execute, dialect } = this.#connection
    // One statement cannot write the same row twice.
    const latest = new Map(letters.map(letter => [`${letter.kind} ${letter.key}`, letter]))
    const rows = Array.from(latest.values(), ({ kind, key, reason, record }) =>
      [kind, key, reason, record ?? null].map(text => text && storable(text)),
    )
    const fields = rows[0]?.map((_, index) => `given.value->>${index}`).join(', ')
    const statement = `insert into ${this.#table} (sync, run, kind, key, reason, record)
      select ?, ?, ${fields} from ${dialect.given} where true
      on conflict (sync, kind, key) do update set reason = excluded.reason, record = excluded.record, run = excluded.run`
    for (let first = 0; first < rows.length; first += lettersAtOnce)
      await execute(statement, [this.#sync, run, JSON.stringify(rows.slice(first, first + lettersAtOnce))])
  }

  /** In the order of their kinds and keys. */
  async read(after: DeadLetterKey | undefined, limit: number): Promise<DeadLetter[]> {
    const rows = await this.#connection.all<{
      kind: DeadLetter['kind']
      key: string
      reason: string
      record: string | null
    }>(
      `select kind, key, reason, record from ${this.#table}
        where sync = ?${after ? ' and (kind, key) > (?, ?)' : ''} order by kind, key limit ?`,
      [this.#sync, ...(after ? [after.kind, after.key] : []), limit],
    )
    return rows.map(({ record, ...letter }) => ({ ...letter, ...(record !== null && { record }) }))
  }

  /** All but circles of owners, which no single record tells. */
  async forget(): Promise<void> {
    await this.#connection.run(`delete from ${this.#table} where sync = ? and kind <> 'cycle'`, [this.#sync])
  }

  async forgetCycles(): Promise<void> {
    await this.#connection.run(`delete from ${this.#table} where sync = ? and kind = 'cycle'`, [this.#sync])
  }
}

/** NUL and half a character are nothing that databases keep. */
function storable(text: string): string {
  return text.replaceAll('\0', '\u{fffd}').toWellFormed()
}
