import type { SqlConnection } from './sql-connection.ts'
import type { SqlTables } from './sql-tables.ts'

interface SeenRow {
  readonly lane: number
  readonly number: number
  readonly keys: Uint8Array
}

/** What a reading has met, in pieces that lanes wrote. */
export class SeenKeysTable {
  readonly #connection: SqlConnection
  readonly #table: string
  readonly #sync: string

  constructor(connection: SqlConnection, { seen }: SqlTables, sync: string) {
    this.#connection = connection
    this.#table = seen
    this.#sync = sync
  }

  async save(lane: number, number: number, keys: Uint8Array): Promise<void> {
    const statement = `insert into ${this.#table} (sync, lane, number, keys) values (?, ?, ?, ?)`
    await this.#connection.run(statement, [this.#sync, lane, number, keys])
  }

  async read(after: { lane: number; number: number } | undefined, limit: number): Promise<SeenRow[]> {
    const { lane, number } = after ?? { lane: -1, number: -1 }
    const rows = await this.#connection.all<SeenRow>(
      `select lane, number, keys from ${this.#table}
        where sync = ? and (lane > ? or (lane = ? and number > ?)) order by lane, number limit ?`,
      [this.#sync, lane, lane, number, limit],
    )
    return rows.map(row => ({ lane: Number(row.lane), number: Number(row.number), keys: row.keys }))
  }

  async forget(): Promise<void> {
    await this.#connection.run(`delete from ${this.#table} where sync = ?`, [this.#sync])
  }
}
