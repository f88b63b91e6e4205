import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { isHotwellError } from '../core/errors.ts'
import { rowOf } from '../sync/engine/batch-builder.ts'
import { canonicalJson } from '../sync/model/canonical-json.ts'
import { checkRecord } from '../sync/model/check-record.ts'
import type { Element, JsonValue, Relation } from '../sync/model/record.ts'
import type { AttributeRow, Batch, RelationRow } from '../sync/model/rows.ts'
import {
  type Applied,
  type OwnElement,
  type OwnRelation,
  type Reading,
  runLane,
  type TargetConnection,
} from '../sync/target.ts'
import type { TargetAbilities, TargetSubject } from './sync-target-subject.ts'

/** Registers what a target promises. */
export type PromiseTest = (promised: string, body: (scene: TargetScene) => Promise<void>) => void

export type KnownAbilities = Required<Omit<TargetAbilities, 'spoil'>>

/** One test's place, and its connections, which are closed behind it. */
export class TargetScene {
  readonly subject: TargetSubject
  readonly #showsAtOnce: boolean
  readonly #connections: TargetConnection[] = []

  constructor(subject: TargetSubject, showsAtOnce: boolean) {
    this.subject = subject
    this.#showsAtOnce = showsAtOnce
  }

  /** Connects without claiming; whoever is not the first one comes as another process would. */
  async open(sync = 'plant'): Promise<TargetConnection> {
    const { target, reopen } = this.subject
    const other = this.#connections.length > 0 ? reopen?.call(this.subject) : undefined
    const connection = await (other ?? target).connect(sync)
    this.#connections.push(connection)
    return connection
  }

  /** Connects, claims and begins a reading, as a first run does. */
  async begin(sync = 'plant', lanes = 1): Promise<TargetConnection> {
    const connection = await this.open(sync)
    await connection.claim()
    await connection.transaction(runLane, transaction => transaction.makeLanes(lanes))
    return connection
  }

  /** That exactly this lies there. Where that shows only at the end, this is the end. */
  async holds(connection: TargetConnection, ...expected: readonly (Element | Relation)[]): Promise<void> {
    if (!this.#showsAtOnce) await connection.settle()
    assert.deepEqual(texts(await this.subject.read()), texts(expected), 'what lies there')
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) await connection.close()
    await this.subject.close?.()
  }
}

/** What a test's batch is made of; the rest is empty. */
export interface BatchParts extends Partial<Omit<Batch, 'elements'>> {
  readonly elements?: readonly Element[]
}

export function batchOf({ elements = [], ...others }: BatchParts): Batch {
  const none = { attributes: [], deletedElements: [], relations: [], deletedRelations: [] }
  return { ...none, ...others, elements: elements.map(rowOf) }
}

export function apply(connection: TargetConnection, parts: BatchParts, reading?: Reading): Promise<Applied> {
  return connection.transaction(runLane, transaction => transaction.apply(batchOf(parts), reading))
}

/** That a batch came out so: what is not named is 0, and `refused` are `kind key`. */
export function came(
  { refused, ...counts }: Applied,
  expected: Partial<Omit<Applied, 'refused'>> & { refused?: readonly string[] },
): void {
  const { refused: names = [], ...others } = expected
  const none = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, pending: 0 }
  assert.deepEqual(refused.map(({ kind, key }) => `${kind} ${key}`).sort(), [...names].sort())
  for (const { reason } of refused) assert.notEqual(reason, '', 'a letter says why')
  assert.deepEqual(counts, { ...none, ...others })
}

export const element = (id: string, attributes: Element['attributes'] = { value: 1 }, more: object = {}): Element => ({
  id,
  type: 'pump',
  name: `pump ${id}`,
  attributes,
  ...more,
})

export const relation = (from: string, to: string, type = 'feeds'): RelationRow => ({ from, type, to })

export const change = (
  id: string,
  attributes: Readonly<Record<string, JsonValue>>,
  modifiedAt: number | null = null,
): AttributeRow => ({ id, attributes, modifiedAt, bytes: 100 })

export const hashOf = (given: Element) => rowOf(given).hash

/** All of what comes in pages. */
export async function paged<T>(
  read: (after: T | undefined, limit: number) => Promise<readonly T[]>,
  limit: number,
): Promise<T[]> {
  const all: T[] = []
  for (;;) {
    const page = await read(all.at(-1), limit)
    assert.ok(page.length <= limit, `a page of ${page.length}, where ${limit} were asked for`)
    all.push(...page)
    assert.ok(all.length < 10_000, 'the pages come to an end')
    if (page.length < limit) return all
  }
}

export async function ownIds(connection: TargetConnection, limit = 1000): Promise<string[]> {
  return (await paged<OwnElement>((after, most) => connection.ownElements(after?.id, most), limit)).map(({ id }) => id)
}

/** `from type to` of each, with `…` behind those that wait. */
export async function ownEdges(connection: TargetConnection, limit = 1000): Promise<string[]> {
  const all = await paged<OwnRelation>((after, most) => connection.ownRelations(after, most), limit)
  return all.map(({ from, type, to, pending }) => `${from} ${type} ${to}${pending ? ' …' : ''}`)
}

export const superseded = (error: unknown) => isHotwellError(error, 'superseded')
export const unavailable = (error: unknown) => isHotwellError(error, 'target_unavailable')

/** Whatever is under way beside it gets somewhere. */
export async function turns(): Promise<void> {
  for (let count = 0; count < 20; count++) await turn()
}

function texts(records: readonly (Element | Relation)[]): string[] {
  return records.map(record => canonicalJson(checkRecord(record))).sort()
}
