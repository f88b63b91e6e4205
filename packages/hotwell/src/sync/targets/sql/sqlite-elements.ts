import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { SqlTables } from '../../ledger/sql-tables.ts'
import type { DeadLetter, ElementRow } from '../../model/rows.ts'
import type { ElementWriter, Written } from './element-writer.ts'
import { elementLetter } from './letters.ts'

/** So many rows a statement: the fastest here. */
const rowsAtOnce = 10
const columns = ['id', 'type', 'name', 'owner_id', 'attributes', 'modified_at', 'origin', 'hash'] as const
/** Result codes for what a record is: too big, against a constraint, of the wrong type. https://www.sqlite.org/rescode.html */
const dataCodes = new Set([18, 19, 20])

/** Writes elements with prepared upserts; the database itself compares hashes and origins. */
export class SqliteElements implements ElementWriter {
  readonly #native: DatabaseSync
  readonly #table: string
  readonly #sync: string
  readonly #isAlone: () => Promise<boolean>
  readonly #foreign: (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>
  readonly #ten: StatementSync
  readonly #one: StatementSync
  readonly #between: StatementSync
  readonly #lastRow: StatementSync
  /** Filled anew for each statement. */
  readonly #values: SQLInputValue[] = []

  constructor(
    native: DatabaseSync,
    { elements }: SqlTables,
    sync: string,
    options: {
      /** Whether no other sync has rows here. */
      isAlone: () => Promise<boolean>
      /** Of the ids, those of other syncs, with these syncs' names. */
      foreign: (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>
    },
  ) {
    this.#native = native
    this.#table = elements
    this.#sync = sync
    this.#isAlone = options.isAlone
    this.#foreign = options.foreign
    this.#ten = native.prepare(this.#upsert(rowsAtOnce))
    this.#one = native.prepare(this.#upsert(1))
    this.#between = native.prepare(`select id, hash from ${elements} where id >= ? and id <= ? order by id limit ?`)
    this.#between.setReturnArrays(true)
    this.#lastRow = native.prepare(`select max(rowid) as last from ${elements}`)
  }

  async write(rows: readonly ElementRow[]): Promise<Written> {
    const foreign = (await this.#isAlone()) ? undefined : await this.#foreign(rows.map(({ id }) => id))
    const own = foreign?.size ? rows.filter(({ id }) => !foreign.has(id)) : rows
    const differing = this.#differing(own)
    const written = this.#writeTens(differing)
    const refused = Array.from(foreign ?? [], ([id, origin]): DeadLetter => {
      return { kind: 'element', key: id, reason: `It belongs to the sync "${origin}".` }
    })
    const unchanged = written.unchanged + own.length - differing.length
    return { ...written, unchanged, refused: [...written.refused, ...refused] }
  }

  /**
   * Without those that are there as they are, where that is cheap to see: rows in the order of their ids are compared with
   * what lies between the first and the last of them. The upsert sees it as well, at the price of a write.
   */
  #differing(rows: readonly ElementRow[]): readonly ElementRow[] {
    if (rows.length < 2 || !isAscending(rows)) return rows
    const found = this.#between.all(rows[0]!.id, rows.at(-1)!.id, rows.length * 2) as unknown as [string, string][]
    if (found.length === 0) return rows
    const hashes = new Map(found)
    return rows.filter(({ id, hash }) => hashes.get(id) !== hash)
  }

  /**
   * A statement is done as a whole or not at all, so that its rows can be tried again one by one. A savepoint around them
   * all would copy each page before each statement's first change of it.
   */
  #writeTens(rows: readonly ElementRow[]): Written {
    const before = this.#last()
    const refused: DeadLetter[] = []
    let changed = 0
    for (let first = 0; first < rows.length; first += rowsAtOnce) {
      const isWhole = first + rowsAtOnce <= rows.length
      const written = isWhole ? this.#try(this.#ten, rows, first, rowsAtOnce) : 'not tried'
      if (typeof written === 'number') changed += written
      else changed += this.#writeEach(rows.slice(first, first + rowsAtOnce), refused)
    }
    // A row that is new has a row id beyond the last one; an update keeps its own.
    const inserted = this.#last() - before
    const unchanged = rows.length - changed - refused.length
    return { inserted, updated: changed - inserted, unchanged, refused }
  }

  #writeEach(rows: readonly ElementRow[], refused: DeadLetter[]): number {
    let changed = 0
    for (const [index, row] of rows.entries()) {
      const written = this.#try(this.#one, rows, index, 1)
      if (typeof written === 'number') changed += written
      else refused.push(elementLetter(row, written))
    }
    return changed
  }

  /** How many rows were changed, or why none can be. */
  #try(statement: StatementSync, rows: readonly ElementRow[], first: number, count: number): number | string {
    const values = this.#values
    values.length = 0
    for (let index = first; index < first + count; index++) {
      const { id, type, name, ownerId, attributes, modifiedAt, hash } = rows[index]!
      values.push(id, type, name, ownerId, attributes, modifiedAt, this.#sync, hash)
    }
    try {
      return Number(statement.run(...values).changes)
    } catch (error) {
      const reason = this.#native.isTransaction ? reasonOf(error) : undefined
      if (reason === undefined) throw error
      return reason
    }
  }

  #last(): number {
    return Number((this.#lastRow.get() as { last: number | null }).last ?? 0)
  }

  #upsert(rows: number): string {
    const row = `(${columns.map(() => '?').join(', ')})`
    const sets = columns.filter(name => name !== 'id' && name !== 'origin').map(name => `${name} = excluded.${name}`)
    return (
      `insert into ${this.#table} (${columns.join(', ')}) values ${new Array(rows).fill(row).join(', ')} ` +
      `on conflict (id) do update set ${sets.join(', ')} ` +
      `where ${this.#table}.hash <> excluded.hash and ${this.#table}.origin = excluded.origin`
    )
  }
}

/** By code units, which is fast: only the price depends on it. */
function isAscending(rows: readonly ElementRow[]): boolean {
  for (let index = 1; index < rows.length; index++) if (rows[index - 1]!.id >= rows[index]!.id) return false
  return true
}

function reasonOf(error: unknown): string | undefined {
  const code = (error as { errcode?: unknown }).errcode
  if (typeof code !== 'number' || !dataCodes.has(code & 0xff)) return undefined
  return `SQLite cannot take it: ${(error as Error).message}.`
}
