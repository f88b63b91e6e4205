import type { SqlTables } from '../../ledger/sql-tables.ts'
import type { DeadLetter, ElementRow } from '../../model/rows.ts'
import { bisect } from './bisect.ts'
import type { ElementWriter, Written } from './element-writer.ts'
import { copiedColumns, copyMessages, textArray } from './postgres-copy.ts'
import { dataReason, sqlState, uniqueViolation } from './postgres-errors.ts'
import type { ExchangeResult, ExchangeStatement } from './postgres-exchange.ts'
import type { PostgresSession } from './postgres-session.ts'

/** What the last batches of a run were; its lanes share it. */
export class BatchTrend {
  #kind: BatchKind
  #batches: number

  /** In a table without rows all are new. */
  constructor(isEmpty: boolean) {
    this.#kind = isEmpty ? 'new' : 'mixed'
    this.#batches = isEmpty ? enoughAlike : 0
  }

  /** What the next batch is likely to be. */
  get expected(): BatchKind {
    return this.#batches >= enoughAlike ? this.#kind : 'mixed'
  }

  note(kind: BatchKind): void {
    this.#batches = kind === this.#kind ? this.#batches + 1 : 1
    this.#kind = kind
  }
}

/** All of its rows are new, all are there and differ, or neither. */
type BatchKind = 'new' | 'changed' | 'mixed'

/** After so many in a row the next batch is taken to be alike, and not asked for. */
const enoughAlike = 2

/** Where rows lie until they are merged; each client has its own. */
const staging = 'hotwell_staged'
export const makeStagingTable = `create temporary table ${staging} (
  id text collate "C", type text, name text, owner_id text, attributes jsonb, modified_at timestamptz, origin text,
  hash text) on commit delete rows`

const columns = copiedColumns.join(', ')
const changing = copiedColumns.filter(name => name !== 'id' && name !== 'origin')
const savepoint = 'hotwell_rows'
const none: Written = { inserted: 0, updated: 0, unchanged: 0, refused: [] }

/** What the table says of rows. */
interface Compared {
  readonly fresh: readonly ElementRow[]
  readonly changed: readonly ElementRow[]
  /** Of other syncs. */
  readonly foreign: readonly DeadLetter[]
}

/**
 * Writes the elements of one transaction: what is new by a COPY directly into the table, what differs by a COPY into a
 * table of its own and an update from there; what is there already is told by hashes, and not sent.
 */
export class PostgresElements implements ElementWriter {
  readonly reasonOf = dataReason
  readonly #session: PostgresSession
  readonly #table: string
  readonly #sync: string
  readonly #trend: BatchTrend
  #isStaged = false

  constructor(session: PostgresSession, { elements }: SqlTables, sync: string, trend: BatchTrend) {
    this.#session = session
    this.#table = elements
    this.#sync = sync
    this.#trend = trend
  }

  async write(rows: readonly ElementRow[]): Promise<Written> {
    return (await this.#writeAlike(rows)) ?? this.#writeCompared(rows)
  }

  /** The transaction goes on in either case. */
  async tried<T>(work: () => Promise<T>): Promise<T> {
    this.#session.defer({ text: `savepoint ${savepoint}` })
    const wasStaged = this.#isStaged
    try {
      const result = await work()
      this.#session.defer({ text: `release ${savepoint}` })
      return result
    } catch (error) {
      if (dataReason(error) !== undefined) {
        await this.#session.exchange([{ text: `rollback to ${savepoint}` }, { text: `release ${savepoint}` }])
        this.#isStaged = wasStaged
      }
      throw error
    }
  }

  /** As the last batches were; undefined, and nothing is written, when this one is not. */
  async #writeAlike(rows: readonly ElementRow[]): Promise<Written | undefined> {
    const { expected } = this.#trend
    if (expected === 'mixed') return undefined
    const written = await (expected === 'new' ? this.#insert(rows) : this.#update(rows))
    const alike = expected === 'new' ? written?.inserted : written?.updated
    if (alike !== rows.length) this.#trend.note('mixed')
    return written
  }

  async #writeCompared(rows: readonly ElementRow[]): Promise<Written> {
    const { fresh, changed, foreign } = await this.#compare(rows)
    const isOne = fresh.length === rows.length || changed.length === rows.length
    this.#trend.note(isOne ? (fresh.length > 0 ? 'new' : 'changed') : 'mixed')
    const added = fresh.length > 0 ? ((await this.#insert(fresh)) ?? (await this.#mergeEach(fresh))) : none
    const updated = changed.length > 0 ? ((await this.#update(changed)) ?? (await this.#mergeEach(changed))) : none
    const same = rows.length - fresh.length - changed.length - foreign.length
    return {
      inserted: added.inserted + updated.inserted,
      updated: added.updated + updated.updated,
      unchanged: added.unchanged + updated.unchanged + same,
      refused: [...foreign, ...added.refused, ...updated.refused],
    }
  }

  async #compare(rows: readonly ElementRow[]): Promise<Compared> {
    // A letter a row: thousands of rows for an answer would cost more than the comparison.
    const letter = `case when kept.hash is null then 'n' when kept.origin <> $3 then 'f'
      when kept.hash = given.hash then '=' else 'c' end`
    const [found] = await this.#session.exchange([
      {
        text: `select string_agg(${letter}, '' order by given.number) as letters
          from unnest($1::text[], $2::text[]) with ordinality as given (id, hash, number)
          left join lateral (select hash, origin from ${this.#table} where id = given.id offset 0) as kept on true`,
        values: [textArray(rows.map(({ id }) => id)), textArray(rows.map(({ hash }) => hash)), this.#sync],
      },
    ])
    const { letters } = found!.rows[0] as { letters: string }
    const having = (wanted: string) => rows.filter((_, index) => letters[index] === wanted)
    const foreign = letters.includes('f') ? await this.#foreign(having('f')) : []
    return { fresh: having('n'), changed: having('c'), foreign }
  }

  async #foreign(rows: readonly ElementRow[]): Promise<DeadLetter[]> {
    const [found] = await this.#session.exchange([
      {
        text: `select id, origin from ${this.#table} where id = any($1::text[])`,
        values: [textArray(rows.map(({ id }) => id))],
      },
    ])
    const origins = new Map((found!.rows as { id: string; origin: string }[]).map(({ id, origin }) => [id, origin]))
    return rows.map(({ id }) => foreignElement(id, origins.get(id) ?? 'another'))
  }

  /** Undefined, and nothing is written, when some are there already or cannot be taken. */
  async #insert(rows: readonly ElementRow[]): Promise<Written | undefined> {
    const result = await this.#whole([this.#copy(this.#table, rows)])
    return result && { ...none, inserted: rows.length }
  }

  /** Undefined, and nothing is written, when some cannot be taken. */
  async #update(rows: readonly ElementRow[]): Promise<Written | undefined> {
    const sets = changing.map(name => `${name} = staged.${name}`).join(', ')
    const update = `update ${this.#table} as kept set ${sets} from ${staging} as staged
      where kept.id = staged.id and kept.origin = staged.origin and kept.hash <> staged.hash`
    const results = await this.#whole([...this.#stage(rows), { text: update }])
    if (!results) return undefined
    const updated = results.reduce((sum, { tag }) => sum + (tag.startsWith('UPDATE ') ? Number(tag.slice(7)) : 0), 0)
    if (updated === rows.length) return { ...none, updated }
    const merged = await this.#mergeEach(rows)
    return { ...merged, updated: merged.updated + updated, unchanged: merged.unchanged - updated }
  }

  #mergeEach(rows: readonly ElementRow[]): Promise<Written> {
    const write = (some: readonly ElementRow[]) => this.tried(() => this.#merge(some))
    return bisect(rows, { write, reasonOf: dataReason })
  }

  /** Whatever is there. */
  async #merge(rows: readonly ElementRow[]): Promise<Written> {
    const table = this.#table
    const sets = changing.map(name => `${name} = excluded.${name}`).join(', ')
    const merge = `with written as (
        insert into ${table} (${columns}) select ${columns} from ${staging} on conflict (id) do update set ${sets}
          where ${table}.hash <> excluded.hash and ${table}.origin = excluded.origin
        returning xmax = 0 as is_new)
      select count(*) filter (where is_new) as inserted, count(*) filter (where not is_new) as updated from written`
    const results = await this.#session.exchange([...this.#stage(rows), { text: merge }])
    const { inserted, updated } = results.at(-1)!.rows[0] as { inserted: number; updated: number }
    // What was left is there as it is, or belongs to other syncs.
    const isAll = inserted + updated === rows.length
    const { foreign: refused } = isAll ? { foreign: [] } : await this.#compare(rows)
    return { inserted, updated, unchanged: rows.length - inserted - updated - refused.length, refused }
  }

  #stage(rows: readonly ElementRow[]): ExchangeStatement[] {
    const clear = this.#isStaged ? [{ text: `truncate ${staging}` }] : []
    this.#isStaged = true
    return [...clear, this.#copy(staging, rows)]
  }

  #copy(table: string, rows: readonly ElementRow[]): ExchangeStatement {
    return { text: `copy ${table} (${columns}) from stdin (format binary)`, copied: copyMessages(rows, this.#sync) }
  }

  /** Executes all or, when the data is at fault, nothing; then it is undefined. */
  async #whole(statements: readonly ExchangeStatement[]): Promise<ExchangeResult[] | undefined> {
    try {
      return await this.tried(() => this.#session.exchange(statements))
    } catch (error) {
      if (sqlState(error) === uniqueViolation || dataReason(error) !== undefined) return undefined
      throw error
    }
  }
}

function foreignElement(id: string, origin: string): DeadLetter {
  return { kind: 'element', key: id, reason: `It belongs to the sync "${origin}".` }
}
