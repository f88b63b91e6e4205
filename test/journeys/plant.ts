import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { seededRandom } from './seeded-random.ts'

export interface PlantElement {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly ownerId?: string
  readonly attributes: Readonly<Record<string, string | number>>
}

export interface PlantRelation {
  readonly from: string
  readonly type: string
  readonly to: string
}

/** A plant model that changes from version to version: elements, what they own, and what feeds what. */
export class Plant {
  readonly elements = new Map<string, PlantElement>()
  readonly relations = new Map<string, PlantRelation>()
  readonly #random: () => number
  #born = 0

  constructor(records: number, seed = 1) {
    this.#random = seededRandom(seed)
    while (this.elements.size < records * 0.6) this.#grow()
    while (this.relations.size < records * 0.4) this.#connect()
  }

  /** A share of the elements changes, another goes, a third comes; relations likewise. */
  change({ changed = 0.05, gone = 0.03, grown = 0.04 } = {}): void {
    const random = this.#random
    const before = [...this.elements.values()]
    for (const element of before) {
      const kind = random()
      if (kind < changed) this.elements.set(element.id, { ...element, attributes: this.#attributes() })
      else if (kind < changed + gone) this.elements.delete(element.id)
    }
    for (let count = before.length * grown; count > 0; count--) this.#grow()
    for (const key of [...this.relations.keys()]) if (random() < gone) this.relations.delete(key)
    for (let count = this.relations.size * grown; count > 0; count--) this.#connect()
  }

  async write(path: string): Promise<void> {
    const file = createWriteStream(path)
    let text = ''
    for (const records of [this.elements, this.relations])
      for (const record of records.values()) {
        text += `${JSON.stringify(record)}\n`
        if (text.length < 1_000_000) continue
        if (!file.write(text)) await once(file, 'drain')
        text = ''
      }
    file.end(text)
    await once(file, 'finish')
  }

  /** As a target has to hold them: relations without both ends wait. */
  expected(): { elements: string[]; relations: string[]; pending: string[] } {
    const elements = Array.from(this.elements.values(), ({ id, type, name, ownerId = '', attributes }) => {
      return `${id}|${type}|${name}|${ownerId}|${JSON.stringify(attributes)}`
    })
    const edges = [...this.relations.values()]
    const isWhole = ({ from, to }: PlantRelation) => this.elements.has(from) && this.elements.has(to)
    const keyOf = ({ from, type, to }: PlantRelation) => `${from} ${type} ${to}`
    return {
      elements: elements.sort(),
      relations: edges.filter(isWhole).map(keyOf).sort(),
      pending: edges
        .filter(edge => !isWhole(edge))
        .map(keyOf)
        .sort(),
    }
  }

  #grow(): void {
    const number = this.#born++
    const id = `unit-${String(Math.floor(this.#random() * 1e9)).padStart(9, '0')}-${number}`
    const type = ['pump', 'valve', 'tank'][number % 3]!
    const ownerId = number < 500 ? {} : { ownerId: `area-${number % 500}` }
    this.elements.set(id, { id, type, name: `Unit ${number}`, ...ownerId, attributes: this.#attributes() })
  }

  #attributes(): Record<string, string | number> {
    return {
      design: Math.floor(this.#random() * 400),
      manufacturer: 'Hydraulik Nord',
      medium: 'condensate',
      serial: `SN-${Math.floor(this.#random() * 1e12)}`,
    }
  }

  #connect(): void {
    const ids = (this.#ids.length === 0 ? (this.#ids = [...this.elements.keys()]) : this.#ids) as string[]
    const some = () => ids[Math.floor(this.#random() * ids.length)]!
    const relation = { from: some(), type: 'feeds', to: some() }
    this.relations.set(`${relation.from} ${relation.to}`, relation)
  }

  #ids: string[] = []
}
