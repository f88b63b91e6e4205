import { AssertionError } from 'node:assert/strict'
import { HotwellError } from '../core/errors.ts'
import { canonicalJson } from '../sync/model/canonical-json.ts'
import { compareIds } from '../sync/model/compare-ids.ts'
import type { AttributeChange, Element, Relation } from '../sync/model/record.ts'
import { mergeAttributes } from '../sync/model/record-hash.ts'
import { relationKey } from '../sync/model/rows.ts'
import type { ReadRequest, Source, SourcePage } from '../sync/source.ts'
import type { Claim, Target, TargetConnection, TargetTransaction } from '../sync/target.ts'
import type { SeededRandom } from './seeded-random.ts'

/** Of several planes of Unicode: their order in UTF-8 is not that of JavaScript. */
const letters = ['a', 'b', 'z', 'é', '中', 'ｱ', '\u{ff5e}', '😀', '𝒳', '10', '9']

/** A change, and how far behind its element it comes: 0, at once, to 1, at the end; below 0 it comes before it. */
interface PlacedChange extends AttributeChange {
  readonly place: number
}

/** What a source has, and changes from time to time. */
export class ModelData {
  readonly elements = new Map<string, Element>()
  readonly changes = new Map<string, PlacedChange[]>()
  readonly relations = new Map<string, Relation>()
  /** Grows with each mutation. */
  version = 0
  readonly #random: SeededRandom
  readonly #isSorted: boolean
  /** Where changes come. */
  readonly #changesAre: 'beside' | 'behind' | 'behind all' | 'anywhere'
  #value = 0

  constructor(random: SeededRandom, isSorted: boolean) {
    this.#random = random
    this.#isSorted = isSorted
    this.#changesAre = random.pick(['beside', 'behind', 'behind all', 'anywhere'])
    for (let count = 2 + random.below(10); count > 0; count--) this.#put(this.#someId())
    for (let count = random.below(8); count > 0; count--) this.#relate()
  }

  /** Whether a change comes before its element: it is of no effect. */
  get hasEarlyChanges(): boolean {
    return [...this.changes.values()].flat().some(({ place }) => place < 0)
  }

  mutate(): void {
    const random = this.#random
    this.version++
    for (let count = 1 + random.below(4); count > 0; count--) {
      const kind = random.next()
      const id = random.pick([...this.elements.keys(), this.#someId()])
      if (kind < 0.25) this.#put(id)
      else if (kind < 0.4) this.#change(id)
      else if (kind < 0.6) this.#remove(id)
      else if (kind < 0.8) this.#relate()
      else this.relations.delete(random.pick([...this.relations.keys(), '']))
    }
    if (this.elements.size === 0) this.#put('a')
  }

  /** As the source yields it; the same while the version is. */
  records(): (Element | AttributeChange | Relation)[] {
    const elements = [...this.elements.values()]
    if (this.#isSorted) elements.sort((one, other) => compareIds(one.id, other.id))
    const placed = elements.flatMap((element, index) => [
      { record: element as Element | AttributeChange, at: index },
      ...(this.changes.get(element.id) ?? []).map(({ place, ...record }) => {
        return { record, at: index + place * (place < 0 ? index + 1 : elements.length - index) }
      }),
    ])
    // Of elements that are gone.
    for (const [id, changes] of this.changes)
      if (!this.elements.has(id))
        for (const { place, ...record } of changes) placed.push({ record, at: Math.max(0, place) * elements.length })
    // What is at the same place stays in its order.
    placed.sort((one, other) => one.at - other.at)
    return [...placed.map(({ record }) => record), ...this.relations.values()]
  }

  /** As the target has to have it. */
  expected(): { elements: string[]; relations: string[]; pending: string[] } {
    const attributes = new Map<string, Element['attributes']>()
    for (const record of this.records()) {
      if ('id' in record) attributes.set(record.id, record.attributes)
      else if ('element' in record) {
        const former = attributes.get(record.element)
        if (former) attributes.set(record.element, mergeAttributes(former, record.attributes))
      }
    }
    const elements = Array.from(this.elements.values(), ({ id, type, name, ownerId = null }) =>
      [id, type, name, ownerId, canonicalJson(attributes.get(id))].join('|'),
    )
    const isWhole = ({ from, to }: Relation) => this.elements.has(from) && this.elements.has(to)
    const all = [...this.relations.values()]
    return {
      elements: elements.sort(),
      relations: all.filter(isWhole).map(relationKey).sort(),
      pending: all
        .filter(relation => !isWhole(relation))
        .map(relationKey)
        .sort(),
    }
  }

  #someId(): string {
    return this.#random.pick(letters) + this.#random.pick(letters)
  }

  #put(id: string): void {
    const random = this.#random
    const attributes = { value: ++this.#value, kept: 'x' }
    const ownerId = random.chance(0.3) ? { ownerId: this.#someId() } : {}
    this.elements.set(id, { id, type: random.pick(['pump', 'valve']), name: `n${this.#value}`, attributes, ...ownerId })
    // Its record alone may be another one.
    if (random.chance(0.3)) return
    this.changes.delete(id)
    if (random.chance(0.3)) this.#change(id)
  }

  #change(id: string): void {
    const random = this.#random
    const changes = Array.from({ length: random.below(3) }, () => {
      const names: AttributeChange['attributes'] = { kept: random.chance(0.5) ? null : 'y', more: ++this.#value }
      const attributes = random.chance(0.7) ? names : { other: random.below(2) }
      return { element: id, attributes, place: this.#place() }
    })
    this.changes.set(
      id,
      changes.sort((one, other) => one.place - other.place),
    )
  }

  #place(): number {
    if (this.#changesAre === 'beside') return 0
    if (this.#changesAre === 'behind all') return 1
    return this.#changesAre === 'behind' ? this.#random.next() : this.#random.next() * 1.2 - 0.2
  }

  #remove(id: string): void {
    this.elements.delete(id)
    if (this.#random.chance(0.7)) this.changes.delete(id)
  }

  #relate(): void {
    const some = () => this.#random.pick([...this.elements.keys(), this.#someId()])
    const relation: Relation = { from: some(), type: 'feeds', to: some() }
    this.relations.set(relationKey(relation), relation)
  }
}

/** Steps that a process makes; it may be killed or stopped at any of them. */
export class Process {
  #steps: number
  readonly #died = Promise.withResolvers<'killed' | 'stopped'>()
  #stopped: PromiseWithResolvers<void> | undefined
  #isDead = false
  #inTransaction = 0
  readonly #connections: TargetConnection[] = []
  readonly #end: 'kill' | 'stop'

  /** Ends at that step; a stop comes only where it is in no transaction. */
  constructor(steps = Number.POSITIVE_INFINITY, end: 'kill' | 'stop' = 'kill') {
    this.#steps = steps
    this.#end = end
  }

  get ended(): Promise<'killed' | 'stopped'> {
    return this.#died.promise
  }

  get isStopped(): boolean {
    return this.#stopped !== undefined
  }

  /** Goes on, if it was stopped. */
  continue(): void {
    this.#stopped?.resolve()
  }

  async step(): Promise<void> {
    if (this.#isDead) await new Promise(() => {})
    if (--this.#steps > 0) return
    if (this.#end === 'stop') {
      if (this.#stopped || this.#inTransaction > 0) return
      this.#stopped = Promise.withResolvers()
      this.#died.resolve('stopped')
      await this.#stopped.promise
      return
    }
    this.#isDead = true
    for (const connection of this.#connections) void connection.close()
    this.#died.resolve('killed')
    await new Promise(() => {})
  }

  /** Its call of a function, which it may not live to see, or not live to hear of. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    await this.step()
    const result = await work()
    await this.step()
    return result
  }

  target(target: Target): Target {
    return {
      ...target,
      name: target.name,
      preferredBatch: target.preferredBatch,
      preferredLanes: target.preferredLanes,
      connect: async sync => {
        const connection = await this.call(() => target.connect(sync))
        this.#connections.push(connection)
        return this.#connection(connection)
      },
    }
  }

  #connection(connection: TargetConnection): TargetConnection {
    const steps = <Name extends keyof TargetConnection>(name: Name) =>
      ((...given: unknown[]) =>
        this.call(() => (connection[name] as (...given: unknown[]) => Promise<unknown>)(...given))) as never
    return {
      claim: steps('claim'),
      ownElements: steps('ownElements'),
      ownContents: steps('ownContents'),
      ownRelations: steps('ownRelations'),
      staged: steps('staged'),
      settle: steps('settle'),
      ownerLinks: steps('ownerLinks'),
      saved: steps('saved'),
      readDeadLetters: steps('readDeadLetters'),
      countOwn: steps('countOwn'),
      transaction: (lane, work) =>
        this.call(async () => {
          this.#inTransaction++
          try {
            return await connection.transaction(lane, (inner, saved) => work(this.#transaction(inner), saved))
          } finally {
            this.#inTransaction--
          }
        }),
      close: () => connection.close(),
    }
  }

  #transaction(transaction: TargetTransaction): TargetTransaction {
    return new Proxy(transaction, {
      get: (inner, name) => {
        const method = Reflect.get(inner, name) as (...given: unknown[]) => Promise<unknown>
        return (...given: unknown[]) => this.call(() => method.apply(inner, given))
      },
    })
  }

  /** A source that yields what the data is now, page by page. */
  source(data: ModelData, pageRecords: number): Source {
    const step = () => this.step()
    return {
      name: 'model',
      identity: 'model',
      consistency: 'snapshot',
      order: 'none',
      cursors: 'durable',
      async *read({ after }: ReadRequest): AsyncGenerator<SourcePage> {
        const { version } = data
        const [ofVersion, from] = after ? after.split(':').map(Number) : [version, 0]
        if (ofVersion !== version) throw new HotwellError('position_lost', 'The data has changed.')
        const records = data.records()
        for (let at = from!; at < records.length; at += pageRecords) {
          await step()
          const next = Math.min(records.length, at + pageRecords)
          yield { records: records.slice(at, next), position: `${version}:${next}`, share: next / records.length }
        }
        await step()
      },
    }
  }
}

export function fail(what: string, trace: readonly string[]): never {
  throw new AssertionError({ message: `${what}\n  after: ${trace.join(', ')}` })
}

export type { Claim }
