import type { ElementRow } from '../model/rows.ts'
import type { SplitElement } from '../model/split-element.ts'
import type { SqlConnection, SqlValue } from './sql-connection.ts'
import type { SqlTables } from './sql-tables.ts'

interface StoredSplit {
  readonly id: string
  readonly pass: number
  readonly made_in: number
  readonly record: string | null
  readonly next: string | null
  readonly changes: string
  readonly hash: string
}

/** A split element, with the hash of its row at the target. */
export interface KeptSplit {
  readonly split: SplitElement
  readonly hash: string
}

/** So many characters of records and changes are looked at in one transaction, and so many rows. */
const chunkCharacters = 4_000_000
const chunkRows = 1000

/** The elements of a sync whose changes come apart from them. Those whose row is gone are as if they were not here. */
export class SplitElements {
  readonly #connection: SqlConnection
  readonly #tables: SqlTables
  readonly #sync: string
  readonly #select: string

  constructor(connection: SqlConnection, tables: SqlTables, sync: string) {
    this.#connection = connection
    this.#tables = tables
    this.#sync = sync
    const columns = ['id', 'pass', 'made_in', 'record', 'next', 'changes'].map(name => `split.${name}`).join(', ')
    this.#select = `select ${columns}, kept.hash from ${tables.split} as split
      join ${tables.elements} as kept on kept.id = split.id and kept.origin = split.sync where split.sync = ?`
  }

  async areAny(): Promise<boolean> {
    const found = await this.#connection.all(`select 1 from ${this.#tables.split} where sync = ? limit 1`, [this.#sync])
    return found.length > 0
  }

  async find(ids: readonly string[]): Promise<Map<string, SplitElement>> {
    const { all, dialect } = this.#connection
    const rows = await all<StoredSplit>(
      `${this.#select} and split.id in (select given.value->>0 from ${dialect.given})`,
      [this.#sync, listOf(ids)],
    )
    return new Map(rows.map(row => [row.id, splitOf(row)]))
  }

  /** Those that a pass met, behind `after`, in the order of their ids; `through`: the last one of these, if more may follow. */
  async ofPass(
    pass: number,
    after: string | undefined,
  ): Promise<{ rows: readonly KeptSplit[]; through: string | undefined }> {
    const { all } = this.#connection
    const values: SqlValue[] = [this.#sync, pass, after ?? '']
    const sizes = await all<{ id: string; size: number }>(
      `select id, coalesce(length(record), 0) + coalesce(length(next), 0) as size from ${this.#tables.split}
        where sync = ? and pass = ? and id > ? order by id limit ?`,
      [...values, chunkRows],
    )
    if (sizes.length === 0) return { rows: [], through: undefined }
    let size = Number(sizes[0]!.size)
    let count = 1
    while (count < sizes.length && size + Number(sizes[count]!.size) <= chunkCharacters)
      size += Number(sizes[count++]!.size)
    const { id: last } = sizes[count - 1]!
    const rows = await all<StoredSplit>(
      `${this.#select} and split.pass = ? and split.id > ? and split.id <= ? order by split.id`,
      [...values, last],
    )
    const isEnd = count === sizes.length && count < chunkRows
    return { rows: rows.map(row => ({ split: splitOf(row), hash: row.hash })), through: isEnd ? undefined : last }
  }

  async put(rows: readonly SplitElement[]): Promise<void> {
    if (rows.length === 0) return
    const { run, dialect } = this.#connection
    const list = rows.map(({ id, pass, madeIn, record, next, changes }) => {
      return [id, pass, madeIn, record ? JSON.stringify(record) : null, next ? JSON.stringify(next) : null].concat(
        JSON.stringify(changes),
      )
    })
    const changed = ['pass', 'made_in', 'record', 'next', 'changes'].map(name => `${name} = excluded.${name}`)
    await run(
      `insert into ${this.#tables.split} (sync, id, pass, made_in, record, next, changes)
        select ?, given.value->>0, cast(given.value->>1 as integer), cast(given.value->>2 as integer),
          given.value->>3, given.value->>4, given.value->>5 from ${dialect.given} where true
        on conflict (sync, id) do update set ${changed.join(', ')}`,
      [this.#sync, JSON.stringify(list)],
    )
  }

  async drop(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    const { run, dialect } = this.#connection
    await run(
      `delete from ${this.#tables.split} where sync = ? and id in (select given.value->>0 from ${dialect.given})`,
      [this.#sync, listOf(ids)],
    )
  }

  /** Those whose row somebody else has deleted. */
  async dropLost(): Promise<void> {
    const { split, elements } = this.#tables
    await this.#connection.run(
      `delete from ${split} where sync = ?
        and not exists (select 1 from ${elements} as kept where kept.id = ${split}.id and kept.origin = ?)`,
      [this.#sync, this.#sync],
    )
  }
}

function listOf(ids: readonly string[]): string {
  return JSON.stringify(ids.map(id => [id]))
}

function splitOf({ id, pass, made_in, record, next, changes }: StoredSplit): SplitElement {
  return {
    id,
    pass: Number(pass),
    madeIn: Number(made_in),
    record: record === null ? undefined : (JSON.parse(record) as ElementRow),
    next: next === null ? undefined : JSON.parse(next),
    changes: JSON.parse(changes),
  }
}
