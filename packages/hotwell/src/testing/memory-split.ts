import { assembled, type Met, meetChange, meetRecord } from '../sync/engine/meet-split.ts'
import { compareIds } from '../sync/model/compare-ids.ts'
import type { AttributeRow, ElementRow } from '../sync/model/rows.ts'
import type { SplitElement } from '../sync/model/split-element.ts'
import type { Reading } from '../sync/target.ts'
import { type StoredElement, stagedKey, type TransactionTables } from './memory-tables.ts'

/** So few, that tests go on behind it. */
const chunkRows = 2

/** Elements whose changes come apart from them, in a transaction in memory. Each returns the row that is to be written. */
export class MemorySplit {
  readonly #rows: TransactionTables
  readonly #sync: string

  constructor(rows: TransactionTables, sync: string) {
    this.#rows = rows
    this.#sync = sync
  }

  meetRecord(row: ElementRow, { fullPass }: Reading): ElementRow | undefined {
    const split = this.#get(row.id)
    return split ? this.#keep(meetRecord(split, row, fullPass)) : row
  }

  meetChange(kept: StoredElement, change: AttributeRow, { fullPass }: Reading): ElementRow | undefined {
    return this.#keep(meetChange(this.#get(change.id), kept, change, fullPass))
  }

  /** Returns where to go on. */
  write(fullPass: number, after: string | undefined, put: (row: ElementRow) => void): string | undefined {
    const met = [...this.#rows.all('split').values()]
      .filter(({ sync, pass }) => sync === this.#sync && pass === fullPass)
      .filter(({ id }) => after === undefined || compareIds(id, after) > 0)
      .sort((one, other) => compareIds(one.id, other.id))
    const chunk = met.slice(0, chunkRows)
    for (const split of chunk) {
      const kept = this.#rows.get('elements', split.id)
      if (kept?.origin === this.#sync) this.#settle(split, kept, put)
      else this.drop(split.id)
    }
    return met.length > chunkRows ? chunk.at(-1)!.id : undefined
  }

  drop(id: string): void {
    this.#rows.set('split', this.#keyOf(id), undefined)
  }

  #settle(split: SplitElement, kept: StoredElement, put: (row: ElementRow) => void): void {
    const { id, pass, madeIn, next } = split
    const row = assembled(split, kept)
    if (row.hash !== kept.hash) put(row)
    const staged = this.#rows.get('staged', stagedKey(this.#sync, { element: id }))
    if (staged?.lastPass === pass && (madeIn === pass || staged.hash === kept.hash))
      this.#rows.set('staged', stagedKey(this.#sync, { element: id }), { ...staged, hash: row.hash })
    if (next) this.#keep({ split: { ...split, changes: next.attributes } })
    else this.drop(id)
  }

  /** An element whose row is gone, or is another sync's now, is none. */
  #get(id: string): SplitElement | undefined {
    if (this.#rows.get('elements', id)?.origin !== this.#sync) return undefined
    return this.#rows.get('split', this.#keyOf(id))
  }

  #keep({ split, row }: Partial<Met>): ElementRow | undefined {
    if (split) this.#rows.set('split', this.#keyOf(split.id), { ...split, sync: this.#sync })
    return row
  }

  #keyOf(id: string): string {
    return `${this.#sync}\0${id}`
  }
}
