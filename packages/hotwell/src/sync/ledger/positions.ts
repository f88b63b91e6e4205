import { HotwellError } from '../../core/errors.ts'
import type { SqlConnection } from './sql-connection.ts'
import type { SqlTables } from './sql-tables.ts'

/** The row that is a run's own among its lanes. */
const runLane = -1

interface PositionRow {
  readonly lane: number
  readonly epoch: number
  readonly saved: string
}

/** Where a sync has got to, and who may go on with it: one row a lane, one for the run. */
export class Positions {
  readonly #connection: SqlConnection
  readonly #table: string
  readonly #sync: string

  constructor(connection: SqlConnection, { positions }: SqlTables, sync: string) {
    this.#connection = connection
    this.#table = positions
    this.#sync = sync
  }

  /** In a transaction of its own: whoever had claimed before may commit first, and then writes nothing more. */
  async claim(): Promise<{ epoch: number; saved: Map<number, string> }> {
    const { run, all, dialect } = this.#connection
    await run(
      `insert into ${this.#table} (sync, lane, epoch, saved) values (?, ${runLane}, 0, '') on conflict do nothing`,
      [this.#sync],
    )
    // Whoever makes lanes has locked this row: from here on none come.
    const own = `select 1 from ${this.#table} where sync = ? and lane = ${runLane}`
    if (dialect.forUpdate) await all(`${own}${dialect.forUpdate}`, [this.#sync])
    // One statement: the epoch grows from what it is when all rows are locked.
    await run(`update ${this.#table} set epoch = epoch + 1 where sync = ?`, [this.#sync])
    const rows = await this.#rows()
    const epoch = Math.max(...rows.map(row => Number(row.epoch)))
    return { epoch, saved: savedIn(rows) }
  }

  /** What is saved, whoever has claimed it. */
  async saved(): Promise<Map<number, string>> {
    return savedIn(await this.#rows())
  }

  /**
   * The first statement of a transaction that writes.
   * @throws HotwellError `superseded`
   */
  async lock(lane: number, epoch: number): Promise<string | undefined> {
    const { all, dialect } = this.#connection
    const statement = `select saved from ${this.#table} where sync = ? and lane = ? and epoch = ?${dialect.forUpdate}`
    const [row] = await all<PositionRow>(statement, [this.#sync, lane, epoch])
    if (row) return row.saved || undefined
    throw new HotwellError(
      'superseded',
      `The sync "${this.#sync}" was taken over by another process. This one writes nothing more.`,
    )
  }

  async save(lane: number, text: string): Promise<void> {
    const { run, later = run } = this.#connection
    await later(`update ${this.#table} set saved = ? where sync = ? and lane = ?`, [text, this.#sync, lane])
  }

  async makeLanes(count: number, epoch: number): Promise<void> {
    const { run } = this.#connection
    await run(`delete from ${this.#table} where sync = ? and lane <> ${runLane}`, [this.#sync])
    const insert = `insert into ${this.#table} (sync, lane, epoch, saved) values (?, ?, ?, '')`
    for (let lane = 0; lane < count; lane++) await run(insert, [this.#sync, lane, epoch])
  }

  /** Whether others have rows in these tables. */
  async isAlone(): Promise<boolean> {
    const { all } = this.#connection
    const others = await all(`select 1 from ${this.#table} where sync <> ? limit 1`, [this.#sync])
    return others.length === 0
  }

  #rows(): Promise<PositionRow[]> {
    return this.#connection.all(`select lane, epoch, saved from ${this.#table} where sync = ?`, [this.#sync])
  }
}

function savedIn(rows: readonly PositionRow[]): Map<number, string> {
  return new Map(rows.map(({ lane, saved }) => [Number(lane), saved]))
}
