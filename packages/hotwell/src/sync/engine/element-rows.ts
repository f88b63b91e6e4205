import type { ElementRow } from '../model/rows.ts'

/**
 * Rows by their ids, of which the last one wins. While ids ascend, as they do in most sources, none comes twice: an index
 * is only made when one is needed.
 */
export class ElementRows {
  /** Undefined: it was deleted. */
  #rows: (ElementRow | undefined)[] = []
  #places: Map<string, number> | undefined
  #lastId = ''
  #hasGaps = false

  put(row: ElementRow): void {
    const { id } = row
    if (!this.#places) {
      // Ids are never empty.
      if (id > this.#lastId) {
        this.#lastId = id
        this.#rows.push(row)
        return
      }
      this.#places = this.#index()
    }
    const place = this.#places.get(id)
    if (place !== undefined) this.#rows[place] = row
    else this.#places.set(id, this.#rows.push(row) - 1)
  }

  get(id: string): ElementRow | undefined {
    const place = this.#placeOf(id)
    return place === undefined ? undefined : this.#rows[place]
  }

  delete(id: string): void {
    const place = this.#placeOf(id)
    if (place === undefined) return
    this.#rows[place] = undefined
    this.#places!.delete(id)
    this.#hasGaps = true
  }

  /** All of them, which are forgotten. */
  take(): readonly ElementRow[] {
    const rows = this.#hasGaps ? this.#rows.filter(row => row !== undefined) : (this.#rows as ElementRow[])
    this.#rows = []
    this.#places = undefined
    this.#lastId = ''
    this.#hasGaps = false
    return rows
  }

  #placeOf(id: string): number | undefined {
    if (this.#rows.length === 0) return undefined
    this.#places ??= this.#index()
    return this.#places.get(id)
  }

  #index(): Map<string, number> {
    return new Map(this.#rows.map((row, place) => [row!.id, place]))
  }
}
