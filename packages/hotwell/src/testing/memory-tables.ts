import { compareIds } from '../sync/model/compare-ids.ts'
import { type DeadLetter, type ElementRow, type RelationRow, relationKey } from '../sync/model/rows.ts'
import type { SplitElement } from '../sync/model/split-element.ts'
import type { IdRange, SeenKeys, StagedRow } from '../sync/target.ts'

/** An element as it lies in a {@link MemoryTarget}. */
export interface StoredElement extends Omit<ElementRow, 'bytes' | 'changes'> {
  readonly origin: string
  /** How often it was written; a row that was applied twice shows it. */
  readonly writes: number
}

export interface StoredRelation extends RelationRow {
  readonly origin: string
}

interface StoredLane {
  readonly epoch: number
  readonly text: string
}

/** What is committed. Keys: the id; the relation's key; `sync\0lane`; and so on. */
export class Tables {
  readonly elements = new Map<string, StoredElement>()
  readonly relations = new Map<string, StoredRelation>()
  /** By origin as well: several syncs may wait for the same. */
  readonly pending = new Map<string, StoredRelation>()
  readonly lanes = new Map<string, StoredLane>()
  readonly seen = new Map<string, SeenKeys & { sync: string }>()
  readonly staged = new Map<string, StagedRow & { sync: string }>()
  readonly letters = new Map<string, DeadLetter & { sync: string; run: string }>()
  readonly split = new Map<string, SplitElement & { sync: string }>()
}

/** What one committed transaction of a lane wrote, for tests that count. */
export interface AuditEntry {
  readonly sync: string
  readonly lane: number
  /** What it saved for the lane. */
  readonly saved: string
  /** `id hash` of the elements that were given to it, and the keys of relations. */
  readonly given: readonly string[]
}

export type TableName = keyof Tables

/** What a transaction sees: its own rows before those that are committed. */
export class TransactionTables {
  readonly #tables: Tables
  /** Undefined: deleted. */
  readonly #written = new Map<TableName, Map<string, unknown>>()

  constructor(tables: Tables) {
    this.#tables = tables
  }

  get<Name extends TableName>(name: Name, key: string) {
    const written = this.#written.get(name)
    type Row = Tables[Name] extends Map<string, infer Value> ? Value : never
    return (written?.has(key) ? written.get(key) : this.#tables[name].get(key)) as Row | undefined
  }

  /** Undefined deletes it. */
  set(name: TableName, key: string, row: unknown): void {
    let written = this.#written.get(name)
    if (!written) this.#written.set(name, (written = new Map()))
    written.set(key, row)
  }

  all<Name extends TableName>(name: Name): Tables[Name] {
    const all = new Map(this.#tables[name] as Map<string, unknown>)
    for (const [key, row] of this.#written.get(name) ?? []) {
      if (row === undefined) all.delete(key)
      else all.set(key, row)
    }
    return all as Tables[Name]
  }

  commit(): void {
    for (const [name, rows] of this.#written)
      for (const [key, row] of rows) {
        const table = this.#tables[name] as Map<string, unknown>
        if (row === undefined) table.delete(key)
        else table.set(key, row)
      }
  }
}

/** Names a lane's row. */
export const lockOf = (sync: string, lane: number) => `${sync}\0${lane}`

export function ownElements(all: Iterable<StoredElement>, sync: string, { after, through }: IdRange): StoredElement[] {
  return [...all]
    .filter(({ id, origin }) => {
      if (origin !== sync) return false
      return (
        (after === undefined || compareIds(id, after) > 0) && (through === undefined || compareIds(id, through) <= 0)
      )
    })
    .sort((one, other) => compareIds(one.id, other.id))
}

export function compareRelations(one: RelationRow, other: RelationRow): number {
  return compareIds(one.from, other.from) || compareIds(one.type, other.type) || compareIds(one.to, other.to)
}

export function stagedKey(sync: string, { element, relation }: { element?: string; relation?: RelationRow }): string {
  return `${sync}\0${relation ? `relation\0${relationKey(relation)}` : `element\0${element}`}`
}
