import type { SqlTables } from '../../ledger/sql-tables.ts'
import type { DeadLetter, ElementRow } from '../../model/rows.ts'
import { bisect } from './bisect.ts'
import { copiedColumns, copyMessages, textArray } from './postgres-copy.ts'
import { dataReason, sqlState, uniqueViolation } from './postgres-errors.ts'
import type { ExchangeStatement } from './postgres-exchange.ts'
import type { PostgresSession } from './postgres-session.ts'
import type { ElementWriter, Written } from './sql-transaction.ts'

/** What a run knows of the table that it writes to; its lanes share it. */
export interface WritingState {
  /** There was nothing when the run began, and no id has come twice since. */
  isEmpty: boolean
  /** Most rows are as they are there: asking first spares them the way. */
  areMostUnchanged: boolean
}

/** Where rows lie until they are merged; each client has its own. */
export const stagingTable = 'hotwell_staged'
export const makeStagingTable = `create temporary table ${stagingTable} (
  id text collate "C", type text, name text, owner_id text, attributes jsonb, modified_at timestamptz, origin text,
  hash text) on commit delete rows`

const columns = copiedColumns.join(', ')
const savepoint = 'hotwell_rows'
const none: Written = { inserted: 0, updated: 0, unchanged: 0, refused: [] }

/** Writes the elements of one transaction by COPY: into an empty table directly, else into one of its own, and merges. */
export class PostgresElements implements ElementWriter {
  readonly #session: PostgresSession
  readonly #table: string
  readonly #sync: string
  readonly #state: WritingState
  #isStaged = false

  constructor(session: PostgresSession, { elements }: SqlTables, sync: string, state: WritingState) {
    this.#session = session
    this.#table = elements
    this.#sync = sync
    this.#state = state
  }

  readonly reasonOf = dataReason

  /** The transaction goes on in either case. */
  async tried<T>(work: () => Promise<T>): Promise<T> {
    this.#session.defer({ text: `savepoint ${savepoint}` })
    try {
      const result = await work()
      this.#session.defer({ text: `release ${savepoint}` })
      return result
    } catch (error) {
      if (dataReason(error) !== undefined) await this.#undo()
      throw error
    }
  }

  async write(rows: readonly ElementRow[]): Promise<Written> {
    if (this.#state.isEmpty && (await this.#insert(rows))) return { ...none, inserted: rows.length }
    const { differing, refused } = this.#state.areMostUnchanged ? await this.#differing(rows) : allOf(rows)
    const written = await bisect(differing, { write: some => this.#merge(some), reasonOf: dataReason })
    const unchanged = written.unchanged + rows.length - differing.length - refused.length
    this.#state.areMostUnchanged = unchanged * 2 > rows.length
    return { ...written, unchanged, refused: [...refused, ...written.refused] }
  }

  /** Returns false when there are such rows already, or some that cannot be taken: then nothing is written. */
  async #insert(rows: readonly ElementRow[]): Promise<boolean> {
    try {
      await this.#whole([this.#copy(this.#table, rows)])
      return true
    } catch (error) {
      if (sqlState(error) === uniqueViolation) this.#state.isEmpty = false
      else if (dataReason(error) === undefined) throw error
      return false
    }
  }

  /** Those that are not there as they are, without those of other syncs. */
  async #differing(rows: readonly ElementRow[]): Promise<{ differing: ElementRow[]; refused: DeadLetter[] }> {
    const [found] = await this.#session.exchange([
      {
        text: `select given.number, kept.origin from unnest($1::text[], $2::text[]) with ordinality as given (id, hash, number)
          left join lateral (select hash, origin from ${this.#table} where id = given.id offset 0) as kept on true
          where kept.hash is distinct from given.hash or kept.origin <> $3`,
        values: [textArray(rows.map(({ id }) => id)), textArray(rows.map(({ hash }) => hash)), this.#sync],
      },
    ])
    const differing: ElementRow[] = []
    const refused: DeadLetter[] = []
    for (const { number, origin } of found!.rows as { number: number; origin: string | null }[]) {
      const row = rows[number - 1]!
      if (origin === null || origin === this.#sync) differing.push(row)
      else refused.push(foreignElement(row.id, origin))
    }
    return { differing, refused }
  }

  async #merge(rows: readonly ElementRow[]): Promise<Written> {
    const table = this.#table
    const sets = copiedColumns
      .filter(name => name !== 'id' && name !== 'origin')
      .map(name => `${name} = excluded.${name}`)
    const merge = `with written as (
        insert into ${table} (${columns}) select ${columns} from ${stagingTable} on conflict (id) do update set ${sets.join(', ')}
          where ${table}.hash <> excluded.hash and ${table}.origin = excluded.origin
        returning xmax = 0 as is_new)
      select count(*) filter (where is_new) as inserted, count(*) filter (where not is_new) as updated from written`
    const clear = this.#isStaged ? [{ text: `truncate ${stagingTable}` }] : []
    this.#isStaged = true
    const [result] = (await this.#whole([...clear, this.#copy(stagingTable, rows), { text: merge }])).slice(-1)
    const { inserted, updated } = result!.rows[0] as { inserted: number; updated: number }
    const left = rows.length - inserted - updated
    const refused = left > 0 ? await this.#foreignStaged() : []
    return { inserted, updated, unchanged: left - refused.length, refused }
  }

  /** What was not written because it belongs to other syncs. */
  async #foreignStaged(): Promise<DeadLetter[]> {
    const [found] = await this.#session.exchange([
      {
        text: `select staged.id, kept.origin from ${stagingTable} as staged
          join lateral (select origin from ${this.#table} where id = staged.id offset 0) as kept on kept.origin <> $1`,
        values: [this.#sync],
      },
    ])
    return (found!.rows as { id: string; origin: string }[]).map(({ id, origin }) => foreignElement(id, origin))
  }

  #copy(table: string, rows: readonly ElementRow[]): ExchangeStatement {
    return { text: `copy ${table} (${columns}) from stdin (format binary)`, copied: copyMessages(rows, this.#sync) }
  }

  /** Executes all or nothing. */
  #whole(statements: readonly ExchangeStatement[]) {
    return this.tried(() => this.#session.exchange(statements))
  }

  async #undo(): Promise<void> {
    await this.#session.exchange([{ text: `rollback to ${savepoint}` }, { text: `release ${savepoint}` }])
  }
}

function allOf(rows: readonly ElementRow[]): { differing: readonly ElementRow[]; refused: DeadLetter[] } {
  return { differing: rows, refused: [] }
}

function foreignElement(id: string, origin: string): DeadLetter {
  return { kind: 'element', key: id, reason: `It belongs to the sync "${origin}".` }
}
