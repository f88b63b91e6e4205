import { mergedRow } from '../../engine/batch-builder.ts'
import { AbsentRows } from '../../ledger/absent-rows.ts'
import { DeadLetters } from '../../ledger/dead-letters.ts'
import { Elements, type KeptElement } from '../../ledger/elements.ts'
import type { Positions } from '../../ledger/positions.ts'
import { Relations } from '../../ledger/relations.ts'
import { SeenKeysTable } from '../../ledger/seen-keys.ts'
import type { SqlConnection } from '../../ledger/sql-connection.ts'
import type { SqlTables } from '../../ledger/sql-tables.ts'
import type { AttributeRow, Batch, DeadLetter, ElementRow, RelationRow } from '../../model/rows.ts'
import type {
  Applied,
  IdRange,
  OwnElement,
  Reading,
  SeenKeys,
  SplitWritten,
  StagedRow,
  TargetTransaction,
} from '../../target.ts'
import { bisectRows } from './bisect-rows.ts'
import type { ElementWriter, Written } from './element-writer.ts'
import { relationLetter } from './letters.ts'
import { SplitKnowledge, SplitRows } from './split-rows.ts'

export interface SqlTransactionContext {
  readonly connection: SqlConnection
  readonly tables: SqlTables
  readonly sync: string
  readonly epoch: number
  readonly positions: Positions
  readonly writer: ElementWriter
  /** Of the connection, where each look is a way to a server and back. */
  readonly splitKnowledge?: SplitKnowledge
}

/** More at once would be a list in memory twice as long as any batch. */
const rangeRows = 100_000

/** A transaction on a SQL database; how elements are written is its target's. */
export class SqlTransaction implements TargetTransaction {
  readonly #context: SqlTransactionContext
  readonly #elements: Elements
  readonly #relations: Relations
  readonly #absent: AbsentRows
  readonly #seen: SeenKeysTable
  readonly #letters: DeadLetters
  readonly #split: SplitRows

  constructor(context: SqlTransactionContext) {
    const { connection, tables, sync } = context
    this.#context = context
    this.#elements = new Elements(connection, tables, sync)
    this.#relations = new Relations(connection, tables, sync)
    this.#absent = new AbsentRows(connection, tables, sync)
    this.#seen = new SeenKeysTable(connection, tables, sync)
    this.#letters = new DeadLetters(connection, tables, sync)
    const { epoch, splitKnowledge: knowledge = new SplitKnowledge() } = context
    const [elements, absent] = [this.#elements, this.#absent]
    this.#split = new SplitRows({ connection, tables, sync, epoch, elements, absent, knowledge })
  }

  async apply(batch: Batch, reading?: Reading): Promise<Applied> {
    if (batch.deletedElements.length > 0) await this.#lockGraph('alone')
    else if (batch.relations.length > 0) await this.#lockGraph('shared')
    const { own, changes, unknown } = await this.#changed(batch.attributes)
    const { rows, left } = reading
      ? await this.#split.meet(batch.elements, changes, own, reading)
      : { rows: [...batch.elements, ...changes.map(change => merged(own, change))], left: 0 }
    const written = await this.#write(rows)
    const deletedRelations = await this.#relations.delete(batch.deletedRelations)
    const deletedElements = await this.#deleteElements(batch.deletedElements)
    const { inserted, pending, refused } = await this.#putRelations(batch.relations)
    return {
      inserted: written.inserted + inserted,
      updated: written.updated,
      unchanged: written.unchanged + left + batch.relations.length - inserted - refused.length,
      deleted: deletedRelations + deletedElements,
      pending,
      refused: [...unknown, ...written.refused, ...refused],
    }
  }

  writeSplit(fullPass: number, after: string | undefined): Promise<SplitWritten> {
    return this.#split.write(fullPass, after, rows => this.#write(rows))
  }

  forgetHashes(ids: readonly string[]): Promise<void> {
    return this.#elements.forgetHashes(ids)
  }

  countElementsIn(range: IdRange): Promise<number> {
    return this.#elements.countIn(range)
  }

  async ownElementsIn(range: IdRange): Promise<readonly OwnElement[]> {
    const all: OwnElement[] = []
    let { after } = range
    for (;;) {
      const rows = await this.#elements.own({ after, through: range.through }, rangeRows)
      all.push(...rows)
      if (rows.length < rangeRows) return all
      after = rows.at(-1)!.id
    }
  }

  save(lane: number, text: string): Promise<void> {
    return this.#context.positions.save(lane, text)
  }

  async makeLanes(count: number): Promise<void> {
    await this.#context.positions.makeLanes(count, this.#context.epoch)
    await this.#seen.forget()
    await this.#letters.forget()
  }

  saveSeen(lane: number, number: number, keys: Uint8Array): Promise<void> {
    return this.#seen.save(lane, number, keys)
  }

  readSeen(after: { lane: number; number: number } | undefined, limit: number): Promise<readonly SeenKeys[]> {
    return this.#seen.read(after, limit)
  }

  stage(rows: readonly Omit<StagedRow, 'firstPass' | 'lastPass'>[], pass: number, formerPass: number): Promise<void> {
    return this.#absent.stage(rows, pass, formerPass)
  }

  unstage(what: { before: number } | { rows: readonly StagedRow[] }): Promise<void> {
    return 'rows' in what ? this.#absent.drop(what.rows) : this.#absent.dropBefore(what.before)
  }

  async deleteStaged(rows: readonly StagedRow[]): Promise<{ elements: number; relations: number }> {
    await this.#lockGraph('alone')
    const relations = await this.#relations.delete(rows.flatMap(({ relation }) => relation ?? []))
    const hashes = new Map(rows.flatMap(({ element, hash }) => (element === undefined ? [] : [[element, hash]])))
    const there = await this.#elements.find([...hashes.keys()])
    const same = there.filter(({ id, hash, origin }) => origin === this.#context.sync && hash === hashes.get(id))
    const ids = same.map(({ id }) => id)
    if (ids.length > 0) {
      await this.#relations.leave(ids, true)
      await this.#split.drop(ids)
    }
    const elements = ids.length > 0 ? await this.#elements.delete(ids) : 0
    await this.#absent.drop(rows)
    return { elements, relations }
  }

  async promotePending(): Promise<number> {
    await this.#lockGraph('shared')
    return this.#relations.promote()
  }

  deadLetters(run: string, letters: readonly DeadLetter[]): Promise<void> {
    return this.#letters.put(run, letters)
  }

  async cycles(run: string, letters: readonly DeadLetter[]): Promise<void> {
    await this.#letters.forgetCycles()
    await this.#letters.put(run, letters)
  }

  /** A relation's ends stay until it has committed; whoever deletes one of them sees it. */
  async #lockGraph(how: 'shared' | 'alone'): Promise<void> {
    const { connection, tables } = this.#context
    const statement = connection.dialect.graphLock?.(tables.elements, how)
    if (statement) await connection.all(statement)
  }

  async #putRelations(rows: readonly RelationRow[]) {
    const { writer } = this.#context
    const put = async (some: readonly RelationRow[]) => {
      const putting = () => this.#relations.put(some)
      const { inserted, pending, foreign } = await (writer.tried ? writer.tried(putting) : putting())
      return { inserted, pending, refused: foreign.map(row => relationLetter(row, 'It belongs to another sync.')) }
    }
    const parts = await bisectRows(rows, put, error => writer.reasonOf?.(error))
    const sum = (name: 'inserted' | 'pending') => parts.written.reduce((total, part) => total + part[name], 0)
    const atFault = parts.refused.map(({ row, reason }) => relationLetter(row, reason))
    const foreign = parts.written.flatMap(({ refused }) => refused)
    return { inserted: sum('inserted'), pending: sum('pending'), refused: [...foreign, ...atFault] }
  }

  async #write(rows: readonly ElementRow[]): Promise<Written> {
    if (rows.length === 0) return { inserted: 0, updated: 0, unchanged: 0, refused: [] }
    return this.#context.writer.write(rows)
  }

  /** Changes of elements of this sync, with these; others are refused. */
  async #changed(attributes: readonly AttributeRow[]) {
    const found = attributes.length > 0 ? await this.#elements.find(attributes.map(({ id }) => id)) : []
    const own = new Map(found.filter(({ origin }) => origin === this.#context.sync).map(row => [row.id, row]))
    const unknown = attributes.filter(({ id }) => !own.has(id)).map(unknownLetter)
    return { own, changes: attributes.filter(({ id }) => own.has(id)), unknown }
  }

  async #deleteElements(ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return 0
    const there = await this.#elements.find(ids)
    const own = there.filter(({ origin }) => origin === this.#context.sync).map(({ id }) => id)
    if (own.length === 0) return 0
    const relations = await this.#relations.leave(own, false)
    await this.#split.drop(own)
    return relations + (await this.#elements.delete(own))
  }
}

/** A change becomes a whole row, from what is there. */
function merged(own: ReadonlyMap<string, KeptElement>, { id, attributes, modifiedAt }: AttributeRow): ElementRow {
  return mergedRow(own.get(id)!, attributes, modifiedAt)
}

function unknownLetter({ id, attributes }: AttributeRow): DeadLetter {
  const record = JSON.stringify({ element: id, attributes })
  return { kind: 'attributes', key: id, reason: 'There is no such element of this sync.', record }
}
