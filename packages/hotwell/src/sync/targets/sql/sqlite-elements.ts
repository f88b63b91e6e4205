import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { SqlTables } from '../../ledger/sql-tables.ts'
import { compareIds } from '../../model/compare-ids.ts'
import type { DeadLetter, ElementRow } from '../../model/rows.ts'
import { bisect } from './bisect.ts'
import type { ElementWriter, Written } from './sql-transaction.ts'

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
    const written = await bisect(differing, { write: async some => this.#writeWhole(some), reasonOf })
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

  #writeWhole(rows: readonly ElementRow[]): Written {
    const before = this.#last()
    let changed = 0
    this.#native.exec('savepoint elements')
    try {
      const tens = rows.length - (rows.length % rowsAtOnce)
      const values: SQLInputValue[] = []
      for (let index = 0; index < tens; index += rowsAtOnce) {
        values.length = 0
        for (let at = index; at < index + rowsAtOnce; at++) this.#push(values, rows[at]!)
        changed += Number(this.#ten.run(...values).changes)
      }
      for (let index = tens; index < rows.length; index++) {
        values.length = 0
        this.#push(values, rows[index]!)
        changed += Number(this.#one.run(...values).changes)
      }
      this.#native.exec('release elements')
    } catch (error) {
      if (this.#native.isTransaction) this.#native.exec('rollback to elements; release elements')
      throw error
    }
    // A row that is new has a row id beyond the last one; an update keeps its own.
    const inserted = this.#last() - before
    return { inserted, updated: changed - inserted, unchanged: rows.length - changed, refused: [] }
  }

  #push(values: SQLInputValue[], { id, type, name, ownerId, attributes, modifiedAt, hash }: ElementRow): void {
    values.push(id, type, name, ownerId, attributes, modifiedAt, this.#sync, hash)
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

function isAscending(rows: readonly ElementRow[]): boolean {
  for (let index = 1; index < rows.length; index++)
    if (compareIds(rows[index - 1]!.id, rows[index]!.id) >= 0) return false
  return true
}

function reasonOf(error: unknown): string | undefined {
  const code = (error as { errcode?: unknown }).errcode
  if (typeof code !== 'number' || !dataCodes.has(code & 0xff)) return undefined
  return `SQLite cannot take it: ${(error as Error).message}.`
}
