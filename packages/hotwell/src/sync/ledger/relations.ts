import type { RelationRow } from '../model/rows.ts'
import type { SqlConnection } from './sql-connection.ts'
import type { SqlTables } from './sql-tables.ts'

interface StoredRelation {
  readonly from_id: string
  readonly type: string
  readonly to_id: string
}

/** The relations of a sync: those whose ends are there, and those that wait for one. */
export class Relations {
  readonly #connection: SqlConnection
  readonly #tables: SqlTables
  readonly #sync: string
  readonly #hasEnds: (edge: string) => string
  readonly #in: string

  constructor(connection: SqlConnection, tables: SqlTables, sync: string) {
    this.#connection = connection
    this.#tables = tables
    this.#sync = sync
    const is = (id: string) => `exists (select 1 from ${tables.elements} where id = ${id})`
    this.#hasEnds = edge => `${is(`${edge}from_id`)} and ${is(`${edge}to_id`)}`
    this.#in = `(from_id, type, to_id) in (
      select given.value->>0, given.value->>1, given.value->>2 from ${connection.dialect.given})`
  }

  /** Returns how many were new, how many of all wait, and those that belong to other syncs. */
  async put(rows: readonly RelationRow[]): Promise<{ inserted: number; pending: number; foreign: RelationRow[] }> {
    if (rows.length === 0) return { inserted: 0, pending: 0, foreign: [] }
    const { all, run, dialect } = this.#connection
    const { relations, pending } = this.#tables
    const list = listOf(rows)
    const foreign = await all<StoredRelation>(
      `select from_id, type, to_id from ${relations} where origin <> ? and ${this.#in}`,
      [this.#sync, list],
    )
    const before = await this.#count(list)
    const edges = `(select given.value->>0 as from_id, given.value->>1 as type, given.value->>2 as to_id
      from ${dialect.given}) as edge`
    await run(
      `insert into ${relations} (from_id, type, to_id, origin)
        select from_id, type, to_id, ? from ${edges} where ${this.#hasEnds('edge.')} on conflict do nothing`,
      [this.#sync, list],
    )
    // Each statement sees what has been committed until then: only the first one looks for the ends. Whatever it has not
    // made waits, also if another transaction has brought its end meanwhile.
    const former = await this.#pendingOf(list)
    const promoted = former.filter(({ is_made }) => Number(is_made) === 1).map(relationOf)
    await this.#dropPending(promoted)
    const waiting = await run(
      `insert into ${pending} (origin, from_id, type, to_id)
        select ?, from_id, type, to_id from ${edges} where not exists (select 1 from ${relations} as kept
          where kept.from_id = edge.from_id and kept.type = edge.type and kept.to_id = edge.to_id)
        on conflict do nothing`,
      [this.#sync, list],
    )
    const after = await this.#count(list)
    const stillWaiting = former.length - promoted.length
    return { inserted: after - before, pending: waiting + stillWaiting, foreign: foreign.map(relationOf) }
  }

  /** Returns how many there were, pending ones included. */
  async delete(rows: readonly RelationRow[]): Promise<number> {
    if (rows.length === 0) return 0
    const list = listOf(rows)
    const deleted = await this.#connection.run(
      `delete from ${this.#tables.relations} where origin = ? and ${this.#in}`,
      [this.#sync, list],
    )
    return deleted + (await this.#dropPending((await this.#pendingOf(list)).map(relationOf)))
  }

  /**
   * Of elements that go. `keep`: none is deleted, all become pending; otherwise only those of other syncs do. Returns how
   * many were deleted.
   */
  async leave(ids: readonly string[], keep: boolean): Promise<number> {
    const { run, dialect } = this.#connection
    const { relations, pending } = this.#tables
    const list = JSON.stringify(ids.map(id => [id]))
    const given = `(select given.value->>0 from ${dialect.given})`
    const touching = `from_id in ${given} or to_id in ${given}`
    const own = keep ? '' : ' and origin <> ?'
    await run(
      `insert into ${pending} (origin, from_id, type, to_id)
        select origin, from_id, type, to_id from ${relations} where (${touching})${own} on conflict do nothing`,
      [list, list, ...(keep ? [] : [this.#sync])],
    )
    if (keep) await run(`delete from ${relations} where ${touching}`, [list, list])
    else await run(`delete from ${relations} where (${touching}) and origin <> ?`, [list, list, this.#sync])
    return keep ? 0 : run(`delete from ${relations} where (${touching}) and origin = ?`, [list, list, this.#sync])
  }

  /** Makes relations of pending ones whose ends are there now; returns how many. */
  async promote(): Promise<number> {
    const { run } = this.#connection
    const { relations, pending } = this.#tables
    const promoted = await run(
      `insert into ${relations} (from_id, type, to_id, origin)
        select from_id, type, to_id, origin from ${pending} as edge where origin = ? and ${this.#hasEnds('edge.')}
        on conflict do nothing`,
      [this.#sync],
    )
    await run(
      `delete from ${pending} where origin = ? and exists (select 1 from ${relations} as kept
        where kept.from_id = ${pending}.from_id and kept.type = ${pending}.type and kept.to_id = ${pending}.to_id
          and kept.origin = ${pending}.origin)`,
      [this.#sync],
    )
    return promoted
  }

  async own(after: RelationRow | undefined, limit: number): Promise<(RelationRow & { pending: boolean })[]> {
    const { from, type, to } = after ?? { from: '', type: '', to: '' }
    // Each part by itself is read along its index, and no further than needed.
    const part = (table: string, pending: 0 | 1) =>
      `select * from (select from_id, type, to_id, ${pending} as pending from ${table}
        where origin = ? and (from_id, type, to_id) > (?, ?, ?) order by from_id, type, to_id limit ?) as part${pending}`
    const values = [this.#sync, from, type, to, limit]
    const rows = await this.#connection.all<StoredRelation & { pending: number }>(
      `${part(this.#tables.relations, 0)} union all ${part(this.#tables.pending, 1)}
        order by from_id, type, to_id limit ?`,
      [...values, ...values, limit],
    )
    return rows.map(row => ({ ...relationOf(row), pending: Number(row.pending) === 1 }))
  }

  async count(): Promise<number> {
    const { relations, pending } = this.#tables
    const [row] = await this.#connection.all<{ count: number }>(
      `select (select count(*) from ${relations} where origin = ?) + (select count(*) from ${pending} where origin = ?)
        as count`,
      [this.#sync, this.#sync],
    )
    return Number(row!.count)
  }

  /** Of those given, own ones. */
  async #count(list: string): Promise<number> {
    const { relations, pending } = this.#tables
    const { all, dialect } = this.#connection
    const [row] = await all<{ count: number }>(
      `select count(*) as count from ${dialect.given}
        where ${this.#isAmong(relations, 'origin = ? and ')} or ${this.#isAmong(pending, 'origin = ? and ')}`,
      [list, this.#sync, this.#sync],
    )
    return Number(row!.count)
  }

  /** Of those given, own ones that wait; `is_made`: it, or another sync's like it, is among the relations by now. */
  #pendingOf(list: string): Promise<(StoredRelation & { is_made: number })[]> {
    const { relations, pending } = this.#tables
    const { all, dialect } = this.#connection
    return all(
      `select given.value->>0 as from_id, given.value->>1 as type, given.value->>2 as to_id,
          case when ${this.#isAmong(relations)} then 1 else 0 end as is_made
        from ${dialect.given} where ${this.#isAmong(pending, 'origin = ? and ')}`,
      [list, this.#sync],
    )
  }

  /**
   * Whether a given one is in a table, looked up by its key: with a limit this is no join, for which a planner that knows
   * nothing of the table might read all of it for each of them.
   */
  #isAmong(table: string, also = ''): string {
    return `exists (select 1 from ${table} where ${also}from_id = given.value->>0 and type = given.value->>1
      and to_id = given.value->>2 limit 1 offset 0)`
  }

  /** Mostly there are none. */
  async #dropPending(rows: readonly RelationRow[]): Promise<number> {
    if (rows.length === 0) return 0
    return this.#connection.run(`delete from ${this.#tables.pending} where origin = ? and ${this.#in}`, [
      this.#sync,
      listOf(rows),
    ])
  }
}

function listOf(rows: readonly RelationRow[]): string {
  return JSON.stringify(rows.map(({ from, type, to }) => [from, type, to]))
}

function relationOf({ from_id, type, to_id }: StoredRelation): RelationRow {
  return { from: from_id, type, to: to_id }
}
