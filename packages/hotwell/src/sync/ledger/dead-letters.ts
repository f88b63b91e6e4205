import type { DeadLetter, DeadLetterKey } from '../model/rows.ts'
import type { SqlConnection } from './sql-connection.ts'
import type { SqlTables } from './sql-tables.ts'

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
    const statement = `insert into ${this.#table} (sync, kind, key, reason, record, run) values (?, ?, ?, ?, ?, ?)
      on conflict (sync, kind, key) do update set reason = excluded.reason, record = excluded.record, run = excluded.run`
    for (const { kind, key, reason, record } of letters)
      await this.#connection.run(
        statement,
        [this.#sync, kind, key, reason, record ?? null, run].map(value => value?.replaceAll('\0', '\u{fffd}') ?? null),
      )
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
