import { HotwellError } from '../core/errors.ts'
import { compareIds } from '../sync/model/compare-ids.ts'
import type { DeadLetter, DeadLetterKey, RelationRow } from '../sync/model/rows.ts'
import {
  type Claim,
  type OwnContent,
  type OwnElement,
  type OwnerLink,
  type OwnRelation,
  runLane,
  type StagedRow,
  type Target,
  type TargetConnection,
  type TargetTransaction,
} from '../sync/target.ts'
import { type AuditEntry, compareRelations, lockOf, ownElements, stagedKey, Tables } from './memory-tables.ts'
import { MemoryTransaction } from './memory-transaction.ts'

/**
 * A target that keeps everything in memory, with real transactions (others see them when they commit; each lane's row is
 * locked), for tests of what copies data. `Promise`s are awaited at every step, as a database would.
 */
export class MemoryTarget implements Target {
  readonly name = 'memory'
  readonly preferredBatch: number
  readonly preferredLanes: number
  readonly tables = new Tables()
  readonly audit: AuditEntry[] = []
  readonly #locks = new Map<string, Promise<void>>()

  constructor({ batch = 4, lanes = 1 }: { batch?: number; lanes?: number } = {}) {
    this.preferredBatch = batch
    this.preferredLanes = lanes
  }

  async connect(sync: string): Promise<MemoryConnection> {
    return new MemoryConnection(this, sync)
  }

  /** Runs alone among those that lock the same. */
  async locked<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = names.map(name => this.#locks.get(name))
    const { promise, resolve } = Promise.withResolvers<void>()
    for (const name of names) this.#locks.set(name, promise)
    await Promise.all(before)
    try {
      return await work()
    } finally {
      resolve()
    }
  }
}

class MemoryConnection implements TargetConnection {
  readonly #target: MemoryTarget
  readonly #sync: string
  #epoch = 0
  readonly #held = new Set<() => void>()
  #isClosed = false

  constructor(target: MemoryTarget, sync: string) {
    this.#target = target
    this.#sync = sync
  }

  async claim(): Promise<Claim> {
    const { lanes } = this.#tables
    const own = () => [...lanes.keys()].filter(key => key.startsWith(`${this.#sync}\0`))
    const run = lockOf(this.#sync, runLane)
    return this.#target.locked([...new Set([run, ...own()])], async () => {
      const epoch = 1 + Math.max(0, ...own().map(key => lanes.get(key)!.epoch))
      if (!lanes.has(run)) lanes.set(run, { epoch, text: '' })
      const saved = new Map<number, string>()
      for (const key of own()) {
        const { text } = lanes.get(key)!
        lanes.set(key, { epoch, text })
        saved.set(Number(key.split('\0')[1]), text)
      }
      this.#epoch = epoch
      return { epoch, saved }
    })
  }

  async transaction<T>(
    lane: number,
    work: (transaction: TargetTransaction, saved: string | undefined) => Promise<T>,
  ): Promise<T> {
    return this.#alive(lane, async () => {
      const row = this.#target.tables.lanes.get(lockOf(this.#sync, lane))
      if (row?.epoch !== this.#epoch)
        throw new HotwellError('superseded', `The sync "${this.#sync}" was claimed by somebody else.`)
      const transaction = new MemoryTransaction(this.#target.tables, this.#sync, this.#epoch)
      const result = await work(transaction, row.text || undefined)
      this.#refuseClosed()
      this.#target.audit.push(transaction.commit())
      return result
    })
  }

  /** A connection that is closed holds no locks. */
  #alive<T>(lane: number, work: () => Promise<T>): Promise<T> {
    return this.#target.locked([lockOf(this.#sync, lane)], () => {
      const { promise, resolve, reject } = Promise.withResolvers<T>()
      const drop = () => reject(closed())
      if (this.#isClosed) drop()
      this.#held.add(drop)
      work()
        .then(resolve, reject)
        .finally(() => this.#held.delete(drop))
      return promise
    })
  }

  async ownElements(after: string | undefined, limit: number): Promise<OwnElement[]> {
    return ownElements(this.#tables.elements.values(), this.#sync, { after }).slice(0, limit)
  }

  async ownContents(after: string | undefined, limit: number): Promise<OwnContent[]> {
    return ownElements(this.#tables.elements.values(), this.#sync, { after }).slice(0, limit)
  }

  async ownRelations(after: RelationRow | undefined, limit: number): Promise<OwnRelation[]> {
    const { relations, pending } = this.#tables
    const own = [
      ...Array.from(relations.values(), relation => ({ ...relation, pending: false })),
      ...Array.from(pending.values(), relation => ({ ...relation, pending: true })),
    ]
    const sorted = own.filter(({ origin }) => origin === this.#sync).sort(compareRelations)
    return sorted.filter(relation => !after || compareRelations(relation, after) > 0).slice(0, limit)
  }

  async staged(after: StagedRow | undefined, limit: number): Promise<StagedRow[]> {
    const own = [...this.#tables.staged.entries()].filter(([, { sync }]) => sync === this.#sync)
    const sorted = own.sort(([one], [other]) => compareIds(one, other))
    const behind = sorted.filter(([key]) => !after || compareIds(key, stagedKey(this.#sync, after)) > 0)
    return behind.slice(0, limit).map(([, row]) => row)
  }

  async ownerLinks(after: string | undefined, limit: number): Promise<OwnerLink[]> {
    const { elements } = this.#tables
    const owners = new Set([...elements.values()].flatMap(({ ownerId }) => ownerId ?? []))
    const sorted = [...owners].filter(id => after === undefined || compareIds(id, after) > 0).sort(compareIds)
    return sorted.slice(0, limit).map(id => {
      const element = elements.get(id)
      return { id, ownerId: element?.origin === this.#sync ? element.ownerId : null }
    })
  }

  async saved(): Promise<Map<number, string>> {
    const own = [...this.#tables.lanes].filter(([key]) => key.startsWith(`${this.#sync}\0`))
    return new Map(own.map(([key, { text }]) => [Number(key.split('\0')[1]), text]))
  }

  async readDeadLetters(after: DeadLetterKey | undefined, limit: number): Promise<DeadLetter[]> {
    const order = ({ kind, key }: DeadLetterKey) => `${kind}\0${key}`
    const own = [...this.#tables.letters.values()].filter(({ sync }) => sync === this.#sync)
    const sorted = own.sort((one, other) => compareIds(order(one), order(other)))
    const behind = sorted.filter(letter => !after || compareIds(order(letter), order(after)) > 0)
    return behind.slice(0, limit).map(({ sync: _, run: __, ...letter }) => letter)
  }

  async countOwn(): Promise<number> {
    const { elements, relations, pending } = this.#tables
    return [...elements.values(), ...relations.values(), ...pending.values()].filter(
      ({ origin }) => origin === this.#sync,
    ).length
  }

  async settle(): Promise<void> {
    this.#refuseClosed()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const drop of this.#held) drop()
  }

  get #tables(): Tables {
    this.#refuseClosed()
    return this.#target.tables
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw closed()
  }
}

function closed(): HotwellError {
  return new HotwellError('target_unavailable', 'The connection was closed.')
}
