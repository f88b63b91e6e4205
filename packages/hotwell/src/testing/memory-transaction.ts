import { mergedRow } from '../sync/engine/batch-builder.ts'
import { compareIds } from '../sync/model/compare-ids.ts'
import { type Batch, type DeadLetter, type ElementRow, type RelationRow, relationKey } from '../sync/model/rows.ts'
import {
  type Applied,
  type IdRange,
  type OwnElement,
  type Reading,
  runLane,
  type SeenKeys,
  type SplitWritten,
  type StagedRow,
  type TargetTransaction,
} from '../sync/target.ts'
import { MemorySplit } from './memory-split.ts'
import {
  type AuditEntry,
  lockOf,
  ownElements,
  type StoredElement,
  stagedKey,
  type Tables,
  TransactionTables,
} from './memory-tables.ts'

/** Reads through to what is committed, and keeps what it writes to itself until then. */
export class MemoryTransaction implements TargetTransaction {
  readonly #rows: TransactionTables
  readonly #sync: string
  readonly #epoch: number
  readonly #given: string[] = []
  #saved = { lane: runLane, saved: '' }

  constructor(tables: Tables, sync: string, epoch: number) {
    this.#rows = new TransactionTables(tables)
    this.#sync = sync
    this.#epoch = epoch
  }

  commit(): AuditEntry {
    this.#rows.commit()
    return { sync: this.#sync, ...this.#saved, given: this.#given }
  }

  async apply(batch: Batch, reading?: Reading): Promise<Applied> {
    this.#given.push(...batch.elements.map(({ id, hash }) => `${id} ${hash}`), ...batch.relations.map(relationKey))
    const counts = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, pending: 0 }
    const refused: DeadLetter[] = []
    const split = new MemorySplit(this.#rows, this.#sync)
    const put = (row: ElementRow | undefined) => {
      if (row) this.#putElement(row, counts, refused)
      else counts.unchanged++
    }
    for (const row of batch.elements) {
      await step()
      put(reading ? split.meetRecord(row, reading) : row)
    }
    for (const change of batch.attributes) {
      await step()
      const { id, attributes, modifiedAt } = change
      const former = this.#own(id)
      if (former) put(reading ? split.meetChange(former, change, reading) : mergedRow(former, attributes, modifiedAt))
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

  async writeSplit(fullPass: number, after: string | undefined): Promise<SplitWritten> {
    await step()
    const counts = { inserted: 0, updated: 0, unchanged: 0 }
    const refused: DeadLetter[] = []
    const split = new MemorySplit(this.#rows, this.#sync)
    const through = split.write(fullPass, after, row => this.#putElement(row, counts, refused))
    return { updated: counts.updated, refused, through }
  }

  async forgetHashes(ids: readonly string[]): Promise<void> {
    await step()
    for (const id of ids) {
      const own = this.#own(id)
      if (own) this.#rows.set('elements', id, { ...own, hash: '' })
    }
  }

  async countElementsIn({ after, through }: IdRange): Promise<number> {
    await step()
    const ids = [...this.#rows.all('elements').keys()]
    return ids.filter(
      id =>
        (after === undefined || compareIds(id, after) > 0) && (through === undefined || compareIds(id, through) <= 0),
    ).length
  }

  async ownElementsIn(range: IdRange): Promise<OwnElement[]> {
    await step()
    return ownElements(this.#rows.all('elements').values(), this.#sync, range)
  }

  async save(lane: number, text: string): Promise<void> {
    await step()
    this.#saved = { lane, saved: text }
    this.#rows.set('lanes', lockOf(this.#sync, lane), { epoch: this.#epoch, text })
  }

  async makeLanes(count: number): Promise<void> {
    await step()
    for (const key of this.#rows.all('lanes').keys())
      if (key.startsWith(`${this.#sync}\0`) && key !== lockOf(this.#sync, runLane))
        this.#rows.set('lanes', key, undefined)
    for (let lane = 0; lane < count; lane++)
      this.#rows.set('lanes', lockOf(this.#sync, lane), { epoch: this.#epoch, text: '' })
    for (const [key, { sync }] of this.#rows.all('seen'))
      if (sync === this.#sync) this.#rows.set('seen', key, undefined)
    this.#forgetLetters(kind => kind !== 'cycle')
  }

  async saveSeen(lane: number, number: number, keys: Uint8Array): Promise<void> {
    await step()
    this.#rows.set('seen', `${this.#sync}\0${lane}\0${number}`, { sync: this.#sync, lane, number, keys })
  }

  async readSeen(after: { lane: number; number: number } | undefined, limit: number): Promise<SeenKeys[]> {
    const own = [...this.#rows.all('seen').values()].filter(({ sync }) => sync === this.#sync)
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
      const former = this.#rows.get('staged', key)
      const isKnown = former && (former.lastPass === formerPass || former.lastPass === pass)
      const firstPass = isKnown ? former.firstPass : pass
      this.#rows.set('staged', key, { ...row, sync: this.#sync, firstPass, lastPass: pass })
    }
  }

  async unstage(what: { before: number } | { rows: readonly StagedRow[] }): Promise<void> {
    await step()
    if ('rows' in what) {
      for (const row of what.rows) this.#rows.set('staged', stagedKey(this.#sync, row), undefined)
      return
    }
    for (const [key, { sync, lastPass }] of this.#rows.all('staged'))
      if (sync === this.#sync && lastPass < what.before) this.#rows.set('staged', key, undefined)
  }

  async deleteStaged(rows: readonly StagedRow[]): Promise<{ elements: number; relations: number }> {
    const deleted = { elements: 0, relations: 0 }
    for (const row of rows) {
      await step()
      this.#rows.set('staged', stagedKey(this.#sync, row), undefined)
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
    for (const [key, relation] of this.#rows.all('pending')) {
      await step()
      if (relation.origin !== this.#sync || !this.#hasEnds(relation)) continue
      if (this.#rows.get('relations', relationKey(relation))) continue
      this.#rows.set('pending', key, undefined)
      this.#rows.set('relations', relationKey(relation), relation)
      promoted++
    }
    return promoted
  }

  async deadLetters(run: string, letters: readonly DeadLetter[]): Promise<void> {
    await step()
    for (const letter of letters)
      this.#rows.set('letters', `${this.#sync}\0${letter.kind}\0${letter.key}`, { ...letter, sync: this.#sync, run })
  }

  async cycles(run: string, letters: readonly DeadLetter[]): Promise<void> {
    this.#forgetLetters(kind => kind === 'cycle')
    await this.deadLetters(run, letters)
  }

  #forgetLetters(forgets: (kind: DeadLetter['kind']) => boolean): void {
    for (const [key, { sync, kind }] of this.#rows.all('letters'))
      if (sync === this.#sync && forgets(kind)) this.#rows.set('letters', key, undefined)
  }

  #putElement(
    row: ElementRow,
    counts: { inserted: number; updated: number; unchanged: number },
    refused: DeadLetter[],
  ) {
    const former = this.#rows.get('elements', row.id)
    if (former && former.origin !== this.#sync) {
      refused.push({ kind: 'element', key: row.id, reason: `It belongs to the sync "${former.origin}".` })
      return
    }
    if (former?.hash === row.hash) {
      counts.unchanged++
      return
    }
    const { bytes: _, changes: __, ...stored } = row
    this.#rows.set('elements', row.id, { ...stored, origin: this.#sync, writes: (former?.writes ?? 0) + 1 })
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
    const former = this.#rows.get('relations', key)
    if (former && former.origin !== this.#sync) {
      const reason = `It belongs to the sync "${former.origin}".`
      refused.push({ kind: 'relation', key: `${from} ${type} ${to}`, reason })
      return
    }
    if (former || this.#rows.get('pending', waiting)) counts.unchanged++
    else counts.inserted++
    if (former) return
    const hasEnds = this.#hasEnds(relation)
    if (!hasEnds) counts.pending++
    this.#rows.set('relations', key, hasEnds ? relation : undefined)
    this.#rows.set('pending', waiting, hasEnds ? undefined : relation)
  }

  /** Returns how many rows went. */
  #deleteRelation(relation: RelationRow): number {
    const key = relationKey(relation)
    const waiting = `${this.#sync}\0${key}`
    const isOwn = this.#rows.get('relations', key)?.origin === this.#sync
    if (isOwn) this.#rows.set('relations', key, undefined)
    const isPending = this.#rows.get('pending', waiting) !== undefined
    this.#rows.set('pending', waiting, undefined)
    return isOwn || isPending ? 1 : 0
  }

  /** Returns how many rows went: the element and its relations. */
  #deleteElement(id: string, ownRelations: 'deleted' | 'pending' = 'deleted'): number {
    if (!this.#own(id)) return 0
    this.#rows.set('elements', id, undefined)
    new MemorySplit(this.#rows, this.#sync).drop(id)
    let deleted = 1
    for (const [key, relation] of this.#rows.all('relations')) {
      if (relation.from !== id && relation.to !== id) continue
      this.#rows.set('relations', key, undefined)
      if (relation.origin === this.#sync && ownRelations === 'deleted') deleted++
      else this.#rows.set('pending', `${relation.origin}\0${key}`, relation)
    }
    return deleted
  }

  #hasEnds({ from, to }: RelationRow): boolean {
    return this.#rows.get('elements', from) !== undefined && this.#rows.get('elements', to) !== undefined
  }

  #own(id: string): StoredElement | undefined {
    const element = this.#rows.get('elements', id)
    return element?.origin === this.#sync ? element : undefined
  }
}

/** A turn of the microtask queue: where a database would be asked. */
async function step(): Promise<void> {}
