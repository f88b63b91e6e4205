import { mergedRow } from '../sync/engine/batch-builder.ts'
import { compareIds } from '../sync/model/compare-ids.ts'
import { type Batch, type DeadLetter, type ElementRow, type RelationRow, relationKey } from '../sync/model/rows.ts'
import {
  type Applied,
  type IdRange,
  type OwnElement,
  runLane,
  type SeenKeys,
  type StagedRow,
  type TargetTransaction,
} from '../sync/target.ts'
import {
  type AuditEntry,
  lockOf,
  ownElements,
  type StoredElement,
  stagedKey,
  type TableName,
  type Tables,
} from './memory-tables.ts'

/** Reads through to what is committed, and keeps what it writes to itself until then. */
export class MemoryTransaction implements TargetTransaction {
  readonly #tables: Tables
  readonly #sync: string
  readonly #epoch: number
  /** Undefined: deleted. */
  readonly #written = new Map<TableName, Map<string, unknown>>()
  readonly #given: string[] = []
  #saved = { lane: runLane, saved: '' }

  constructor(tables: Tables, sync: string, epoch: number) {
    this.#tables = tables
    this.#sync = sync
    this.#epoch = epoch
  }

  commit(): AuditEntry {
    for (const [name, rows] of this.#written)
      for (const [key, row] of rows) {
        const table = this.#tables[name] as Map<string, unknown>
        if (row === undefined) table.delete(key)
        else table.set(key, row)
      }
    return { sync: this.#sync, ...this.#saved, given: this.#given }
  }

  async apply(batch: Batch): Promise<Applied> {
    this.#given.push(...batch.elements.map(({ id, hash }) => `${id} ${hash}`), ...batch.relations.map(relationKey))
    const counts = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, pending: 0 }
    const refused: DeadLetter[] = []
    for (const row of batch.elements) {
      await step()
      this.#putElement(row, counts, refused)
    }
    for (const { id, attributes, modifiedAt } of batch.attributes) {
      await step()
      const former = this.#own(id)
      if (former) this.#putElement(mergedRow(former, attributes, modifiedAt), counts, refused)
      else refused.push({ kind: 'attributes', key: id, reason: 'There is no such element of this sync.' })
    }
    for (const relation of batch.deletedRelations) {
      await step()
      counts.deleted += this.#deleteRelation(relation)
    }
    for (const id of batch.deletedElements) {
      await step()
      counts.deleted += this.#deleteElement(id)
    }
    for (const relation of batch.relations) {
      await step()
      this.#putRelation(relation, counts, refused)
    }
    return { ...counts, refused }
  }

  async countElementsIn({ after, through }: IdRange): Promise<number> {
    await step()
    const ids = [...this.#all('elements').keys()]
    return ids.filter(
      id =>
        (after === undefined || compareIds(id, after) > 0) && (through === undefined || compareIds(id, through) <= 0),
    ).length
  }

  async ownElementsIn(range: IdRange): Promise<OwnElement[]> {
    await step()
    return ownElements(this.#all('elements').values(), this.#sync, range)
  }

  async save(lane: number, text: string): Promise<void> {
    await step()
    this.#saved = { lane, saved: text }
    this.#set('lanes', lockOf(this.#sync, lane), { epoch: this.#epoch, text })
  }

  async makeLanes(count: number): Promise<void> {
    await step()
    for (const key of this.#all('lanes').keys())
      if (key.startsWith(`${this.#sync}\0`) && key !== lockOf(this.#sync, runLane)) this.#set('lanes', key, undefined)
    for (let lane = 0; lane < count; lane++)
      this.#set('lanes', lockOf(this.#sync, lane), { epoch: this.#epoch, text: '' })
    for (const [key, { sync }] of this.#all('seen')) if (sync === this.#sync) this.#set('seen', key, undefined)
    this.#forgetLetters(kind => kind !== 'cycle')
  }

  async saveSeen(lane: number, number: number, keys: Uint8Array): Promise<void> {
    await step()
    this.#set('seen', `${this.#sync}\0${lane}\0${number}`, { sync: this.#sync, lane, number, keys })
  }

  async readSeen(after: { lane: number; number: number } | undefined, limit: number): Promise<SeenKeys[]> {
    const own = [...this.#all('seen').values()].filter(({ sync }) => sync === this.#sync)
    const sorted = own.sort((one, other) => one.lane - other.lane || one.number - other.number)
    const isBehind = ({ lane, number }: SeenKeys) =>
      !after || lane > after.lane || (lane === after.lane && number > after.number)
    return sorted.filter(isBehind).slice(0, limit)
  }

  async stage(
    rows: readonly Omit<StagedRow, 'firstPass' | 'lastPass'>[],
    pass: number,
    formerPass: number,
  ): Promise<void> {
    await step()
    for (const row of rows) {
      const key = stagedKey(this.#sync, row)
      const former = this.#get('staged', key)
      const isKnown = former && (former.lastPass === formerPass || former.lastPass === pass)
      const firstPass = isKnown ? former.firstPass : pass
      this.#set('staged', key, { ...row, sync: this.#sync, firstPass, lastPass: pass })
    }
  }

  async unstage(what: { before: number } | { rows: readonly StagedRow[] }): Promise<void> {
    await step()
    if ('rows' in what) {
      for (const row of what.rows) this.#set('staged', stagedKey(this.#sync, row), undefined)
      return
    }
    for (const [key, { sync, lastPass }] of this.#all('staged'))
      if (sync === this.#sync && lastPass < what.before) this.#set('staged', key, undefined)
  }

  async deleteStaged(rows: readonly StagedRow[]): Promise<{ elements: number; relations: number }> {
    const deleted = { elements: 0, relations: 0 }
    for (const row of rows) {
      await step()
      this.#set('staged', stagedKey(this.#sync, row), undefined)
      if (row.relation) {
        deleted.relations += this.#deleteRelation(row.relation)
      } else if (this.#own(row.element!)?.hash === row.hash) {
        this.#deleteElement(row.element!, 'pending')
        deleted.elements++
      }
    }
    return deleted
  }

  async promotePending(): Promise<number> {
    let promoted = 0
    for (const [key, relation] of this.#all('pending')) {
      await step()
      if (relation.origin !== this.#sync || !this.#hasEnds(relation)) continue
      if (this.#get('relations', relationKey(relation))) continue
      this.#set('pending', key, undefined)
      this.#set('relations', relationKey(relation), relation)
      promoted++
    }
    return promoted
  }

  async deadLetters(run: string, letters: readonly DeadLetter[]): Promise<void> {
    await step()
    for (const letter of letters)
      this.#set('letters', `${this.#sync}\0${letter.kind}\0${letter.key}`, { ...letter, sync: this.#sync, run })
  }

  async cycles(run: string, letters: readonly DeadLetter[]): Promise<void> {
    this.#forgetLetters(kind => kind === 'cycle')
    await this.deadLetters(run, letters)
  }

  #forgetLetters(forgets: (kind: DeadLetter['kind']) => boolean): void {
    for (const [key, { sync, kind }] of this.#all('letters'))
      if (sync === this.#sync && forgets(kind)) this.#set('letters', key, undefined)
  }

  #putElement(
    row: ElementRow,
    counts: { inserted: number; updated: number; unchanged: number },
    refused: DeadLetter[],
  ) {
    const former = this.#get('elements', row.id)
    if (former && former.origin !== this.#sync) {
      refused.push({ kind: 'element', key: row.id, reason: `It belongs to the sync "${former.origin}".` })
      return
    }
    if (former?.hash === row.hash) {
      counts.unchanged++
      return
    }
    const { bytes: _, ...stored } = row
    this.#set('elements', row.id, { ...stored, origin: this.#sync, writes: (former?.writes ?? 0) + 1 })
    if (former) counts.updated++
    else counts.inserted++
  }

  #putRelation(
    { from, type, to }: RelationRow,
    counts: { inserted: number; unchanged: number; pending: number },
    refused: DeadLetter[],
  ): void {
    const relation = { from, type, to, origin: this.#sync }
    const key = relationKey(relation)
    const waiting = `${this.#sync}\0${key}`
    const former = this.#get('relations', key)
    if (former && former.origin !== this.#sync) {
      const reason = `It belongs to the sync "${former.origin}".`
      refused.push({ kind: 'relation', key: `${from} ${type} ${to}`, reason })
      return
    }
    if (former || this.#get('pending', waiting)) counts.unchanged++
    else counts.inserted++
    if (former) return
    const hasEnds = this.#hasEnds(relation)
    if (!hasEnds) counts.pending++
    this.#set('relations', key, hasEnds ? relation : undefined)
    this.#set('pending', waiting, hasEnds ? undefined : relation)
  }

  /** Returns how many rows went. */
  #deleteRelation(relation: RelationRow): number {
    const key = relationKey(relation)
    const waiting = `${this.#sync}\0${key}`
    const isOwn = this.#get('relations', key)?.origin === this.#sync
    if (isOwn) this.#set('relations', key, undefined)
    const isPending = this.#get('pending', waiting) !== undefined
    this.#set('pending', waiting, undefined)
    return isOwn || isPending ? 1 : 0
  }

  /** Returns how many rows went: the element and its relations. */
  #deleteElement(id: string, ownRelations: 'deleted' | 'pending' = 'deleted'): number {
    if (!this.#own(id)) return 0
    this.#set('elements', id, undefined)
    let deleted = 1
    for (const [key, relation] of this.#all('relations')) {
      if (relation.from !== id && relation.to !== id) continue
      this.#set('relations', key, undefined)
      if (relation.origin === this.#sync && ownRelations === 'deleted') deleted++
      else this.#set('pending', `${relation.origin}\0${key}`, relation)
    }
    return deleted
  }

  #hasEnds({ from, to }: RelationRow): boolean {
    return this.#get('elements', from) !== undefined && this.#get('elements', to) !== undefined
  }

  #own(id: string): StoredElement | undefined {
    const element = this.#get('elements', id)
    return element?.origin === this.#sync ? element : undefined
  }

  #get<Name extends TableName>(name: Name, key: string) {
    const written = this.#written.get(name)
    type Row = Tables[Name] extends Map<string, infer Value> ? Value : never
    return (written?.has(key) ? written.get(key) : this.#tables[name].get(key)) as Row | undefined
  }

  #set(name: TableName, key: string, row: unknown): void {
    let written = this.#written.get(name)
    if (!written) this.#written.set(name, (written = new Map()))
    written.set(key, row)
  }

  #all<Name extends TableName>(name: Name): Tables[Name] {
    const all = new Map(this.#tables[name] as Map<string, unknown>)
    for (const [key, row] of this.#written.get(name) ?? []) {
      if (row === undefined) all.delete(key)
      else all.set(key, row)
    }
    return all as Tables[Name]
  }
}

/** A turn of the microtask queue: where a database would be asked. */
async function step(): Promise<void> {}
