import { compareIds } from '../model/compare-ids.ts'
import type { IdRange } from '../target.ts'
import type { OrderState } from './sync-state.ts'

/** A range of ids that pages cover, and those that they have. */
export interface CoveredRange extends IdRange {
  readonly present: ReadonlySet<string>
}

/**
 * Watches whether the elements come in the order of their ids, page by page. While they do, what a page covers but does
 * not have is absent; from the first page on that breaks the order, what is seen has to be remembered.
 * Invariant: what it says of a page depends on the pages alone, so that it is the same when they are read again.
 */
export class IdOrder {
  readonly #page: number
  #throughPage: number | undefined
  #isBlind: boolean
  /** The last id of the pages that came in order. */
  #lastId: string | undefined
  /** The last id of the ranges that were taken. */
  #takenId: string | undefined
  #present = new Set<string>()

  /** As it was saved with the first lane, and the page that this was at. */
  constructor({ throughId, throughPage, isBlind = false }: OrderState = {}, page = 0) {
    this.#lastId = this.#takenId = throughId
    this.#throughPage = throughPage
    this.#isBlind = isBlind
    this.#page = page
  }

  /** Whether a page belongs to the ranges. Those that are read again are not looked at again. */
  add(page: number, ids: readonly string[]): boolean {
    if (this.#throughPage !== undefined) return page <= this.#throughPage
    if (page <= this.#page) return true
    let last = this.#lastId
    for (const id of ids) {
      if (last !== undefined && compareIds(id, last) <= 0) {
        this.#throughPage = page - 1
        return false
      }
      last = id
    }
    this.#lastId = last
    for (const id of ids) this.#present.add(id)
    return true
  }

  /** Something came whose id nobody can read. */
  blind(): void {
    this.#isBlind = true
  }

  /** What was covered since the last call, and is to be compared with the target. */
  take(): CoveredRange | undefined {
    if (this.#lastId === this.#takenId) return undefined
    const range = { after: this.#takenId, through: this.#lastId, present: this.#present }
    this.#takenId = this.#lastId
    this.#present = new Set()
    return range
  }

  /** As it is to be saved with what was taken. */
  get state(): OrderState {
    return {
      ...(this.#takenId !== undefined && { throughId: this.#takenId }),
      ...(this.#throughPage !== undefined && { throughPage: this.#throughPage }),
      ...(this.#isBlind && { isBlind: true }),
    }
  }
}
