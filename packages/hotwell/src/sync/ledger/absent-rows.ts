import type { RelationRow } from '../model/rows.ts'
import type { SqlConnection, SqlValue } from './sql-connection.ts'
import type { SqlTables } from './sql-tables.ts'

/** A record that a complete reading did not meet. */
export interface AbsentRow {
  readonly kind: 'element' | 'relation'
  readonly element?: string
  readonly relation?: RelationRow
  readonly hash?: string
  readonly firstPass: number
  readonly lastPass: number
}

interface StoredRow {
  readonly kind: 'element' | 'relation'
  readonly from_id: string
  readonly type: string
  readonly to_id: string
  readonly hash: string | null
  readonly first_pass: number
  readonly last_pass: number
}

/** What is staged for deletion. */
export class AbsentRows {
  readonly #connection: SqlConnection
  readonly #table: string
  readonly #sync: string

  constructor(connection: SqlConnection, { absent }: SqlTables, sync: string) {
    this.#connection = connection
    this.#table = absent
    this.#sync = sync
  }

  async read(after: AbsentRow | undefined, limit: number): Promise<AbsentRow[]> {
    const last: SqlValue[] = after ? keyOf(after) : ['', '', '', '']
    const rows = await this.#connection.all<StoredRow>(
      `select kind, from_id, type, to_id, hash, first_pass, last_pass from ${this.#table}
        where sync = ? and (kind, from_id, type, to_id) > (?, ?, ?, ?)
        order by kind, from_id, type, to_id limit ?`,
      [this.#sync, ...last, limit],
    )
    return rows.map(rowOf)
  }

  /** Those that the pass `formerPass` had missed as well keep their first pass. */
  async stage(
    rows: readonly Omit<AbsentRow, 'firstPass' | 'lastPass'>[],
    pass: number,
    formerPass: number,
  ): Promise<void> {
    const { run, dialect } = this.#connection
    const list = JSON.stringify(rows.map(row => [...keyOf(row), row.hash ?? null]))
    await run(
      `insert into ${this.#table} (sync, kind, from_id, type, to_id, hash, first_pass, last_pass)
        select ?, given.value->>0, given.value->>1, given.value->>2, given.value->>3, given.value->>4, cast(? as integer), cast(? as integer)
        from ${dialect.given} where true
        on conflict (sync, kind, from_id, type, to_id) do update set hash = excluded.hash, last_pass = excluded.last_pass,
          first_pass = case when ${this.#table}.last_pass in (?, ?) then ${this.#table}.first_pass
            else excluded.first_pass end`,
      [this.#sync, pass, pass, list, formerPass, pass],
    )
  }

  /**
   * Rows that this very pass has changed behind their staging are still to be deleted if they were. `formerHash`: only
   * where they were staged with that one; undefined: with any.
   */
  async rehash(
    pass: number,
    rows: readonly { id: string; formerHash: string | undefined; hash: string }[],
  ): Promise<void> {
    if (rows.length === 0) return
    const { run, dialect } = this.#connection
    const given = `(select given.value->>2 from ${dialect.given} where given.value->>0 = from_id
      and (given.value->>1 is null or given.value->>1 = hash))`
    const list = JSON.stringify(rows.map(({ id, formerHash, hash }) => [id, formerHash ?? null, hash]))
    await run(
      `update ${this.#table} set hash = coalesce(${given}, hash) where sync = ? and kind = 'element' and last_pass = ?
        and from_id in (select given.value->>0 from ${dialect.given})`,
      [list, this.#sync, pass, list],
    )
  }

  async dropBefore(pass: number): Promise<void> {
    await this.#connection.run(`delete from ${this.#table} where sync = ? and last_pass < ?`, [this.#sync, pass])
  }

  async drop(rows: readonly Omit<AbsentRow, 'firstPass' | 'lastPass'>[]): Promise<void> {
    const { run, dialect } = this.#connection
    await run(
      `delete from ${this.#table} where sync = ? and (kind, from_id, type, to_id) in (
        select given.value->>0, given.value->>1, given.value->>2, given.value->>3 from ${dialect.given})`,
      [this.#sync, JSON.stringify(rows.map(keyOf))],
    )
  }
}

function keyOf({ kind, element, relation }: Pick<AbsentRow, 'kind' | 'element' | 'relation'>): string[] {
  return relation ? [kind, relation.from, relation.type, relation.to] : [kind, element!, '', '']
}

function rowOf({ kind, from_id, type, to_id, hash, first_pass, last_pass }: StoredRow): AbsentRow {
  const passes = { firstPass: Number(first_pass), lastPass: Number(last_pass) }
  if (kind === 'relation') return { kind, relation: { from: from_id, type, to: to_id }, ...passes }
  return { kind, element: from_id, ...(hash !== null && { hash }), ...passes }
}
