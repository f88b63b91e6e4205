import { assembled, meetChange, meetRecord } from '../../engine/meet-split.ts'
import type { AbsentRows } from '../../ledger/absent-rows.ts'
import type { Elements, KeptElement } from '../../ledger/elements.ts'
import { type KeptSplit, SplitElements } from '../../ledger/split-elements.ts'
import type { SqlConnection } from '../../ledger/sql-connection.ts'
import type { SqlTables } from '../../ledger/sql-tables.ts'
import type { AttributeRow, ElementRow } from '../../model/rows.ts'
import type { SplitElement } from '../../model/split-element.ts'
import type { Reading, SplitWritten } from '../../target.ts'
import type { Written } from './element-writer.ts'

/** What a connection knows of its sync, so that it need not look each time: most have no split elements. */
export class SplitKnowledge {
  /** The claim under which it looked. */
  epoch = 0
  areAny = false
}

interface SplitRowsContext {
  readonly connection: SqlConnection
  readonly tables: SqlTables
  readonly sync: string
  readonly epoch: number
  readonly elements: Elements
  readonly absent: AbsentRows
  readonly knowledge: SplitKnowledge
}

/** What is to be written of a batch; `left` are as they are until the end of the pass. */
interface MetRows {
  readonly rows: readonly ElementRow[]
  readonly left: number
}

/** Elements whose changes come apart from them, in one transaction. */
export class SplitRows {
  readonly #context: SplitRowsContext
  readonly #split: SplitElements

  constructor(context: SplitRowsContext) {
    this.#context = context
    this.#split = new SplitElements(context.connection, context.tables, context.sync)
  }

  /** `own`: the rows of the elements that the changes are for. */
  async meet(
    elements: readonly ElementRow[],
    changes: readonly AttributeRow[],
    own: ReadonlyMap<string, KeptElement>,
    { fullPass }: Reading,
  ): Promise<MetRows> {
    const known = await this.#find([...elements, ...changes])
    if (known.size === 0 && changes.length === 0) return { rows: elements, left: 0 }
    const rows: ElementRow[] = []
    const put: SplitElement[] = []
    for (const element of elements) {
      const split = known.get(element.id)
      const met = split ? meetRecord(split, element, fullPass) : { row: element }
      if (met.row) rows.push(met.row)
      if ('split' in met) put.push(met.split)
    }
    for (const change of changes) {
      const { split, row } = meetChange(known.get(change.id), own.get(change.id)!, change, fullPass)
      if (row) rows.push(row)
      if (split) put.push(split)
    }
    await this.#split.put(put)
    if (put.length > 0) this.#context.knowledge.areAny = true
    return { rows, left: elements.length + changes.length - rows.length }
  }

  async write(
    fullPass: number,
    after: string | undefined,
    write: (rows: readonly ElementRow[]) => Promise<Written>,
  ): Promise<SplitWritten> {
    const { absent } = this.#context
    if (!(await this.#areAny())) return { updated: 0, refused: [], through: undefined }
    const { rows, through } = await this.#split.ofPass(fullPass, after)
    const ready = await this.#assemble(rows)
    const { updated, refused } = await write(ready.filter(({ row, hash }) => row.hash !== hash).map(({ row }) => row))
    const moved = ready.flatMap(({ split, row, hash: formerHash }) => {
      if (split.madeIn === fullPass) return { id: row.id, formerHash: undefined, hash: row.hash }
      return row.hash === formerHash ? [] : { id: row.id, formerHash, hash: row.hash }
    })
    await absent.rehash(fullPass, moved)
    const splits = rows.map(({ split }) => split)
    await this.#split.drop(splits.filter(({ next }) => !next).map(({ id }) => id))
    await this.#split.put(
      splits.flatMap(split => {
        const { next, changes } = split
        return next && !isSame(next.attributes, changes) ? { ...split, changes: next.attributes } : []
      }),
    )
    if (through === undefined) await this.#split.dropLost()
    return { updated, refused, through }
  }

  /** Their elements go. */
  async drop(ids: readonly string[]): Promise<void> {
    if (await this.#areAny()) await this.#split.drop(ids)
  }

  async #assemble(rows: readonly KeptSplit[]) {
    const bare = rows.flatMap(({ split }) => (split.record ? [] : split.id))
    const found = bare.length > 0 ? await this.#context.elements.find(bare) : []
    const kept = new Map(found.map(row => [row.id, row]))
    return rows.map(({ split, hash }) => ({ split, hash, row: assembled(split, kept.get(split.id)) }))
  }

  async #find(rows: readonly { readonly id: string }[]): Promise<ReadonlyMap<string, SplitElement>> {
    if (rows.length === 0 || !(await this.#areAny())) return new Map()
    return this.#split.find(rows.map(({ id }) => id))
  }

  async #areAny(): Promise<boolean> {
    const { knowledge, epoch } = this.#context
    if (knowledge.epoch !== epoch) {
      const areAny = await this.#split.areAny()
      // Another lane may have made some meanwhile.
      knowledge.areAny = areAny || (knowledge.epoch === epoch && knowledge.areAny)
      knowledge.epoch = epoch
    }
    return knowledge.areAny
  }
}

function isSame(one: SplitElement['changes'], other: SplitElement['changes']): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
