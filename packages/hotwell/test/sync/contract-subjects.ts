import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { exactJson } from '../../src/sync/model/exact-json.ts'
import type { AttributeValue, Element, Relation, SyncRecord } from '../../src/sync/model/record.ts'
import { isAttributeChange, isRelation } from '../../src/sync/model/record.ts'
import { mergeAttributes } from '../../src/sync/model/record-hash.ts'
import { relationKey } from '../../src/sync/model/rows.ts'
import { jsonl } from '../../src/sync/targets/jsonl.ts'
import { postgres } from '../../src/sync/targets/postgres.ts'
import { sqlite } from '../../src/sync/targets/sqlite.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import type { TargetSubject } from '../../src/testing/sync-target-subject.ts'
import type { postgresScene } from './postgres-scene.ts'

interface StoredElement {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly owner_id: string | null
  readonly attributes: unknown
  readonly modified_at: number | null
}

interface StoredRelation {
  readonly from_id: string
  readonly type: string
  readonly to_id: string
}

export function memorySubject(): TargetSubject & { target: MemoryTarget } {
  const target = new MemoryTarget({ lanes: 3 })
  const { elements, relations } = target.tables
  const writes = () => [...elements.values()].reduce((sum, row) => sum + row.writes, 0)
  return {
    target,
    read: async () => [
      ...Array.from(elements.values(), ({ id, type, name, ownerId, attributes, modifiedAt }) =>
        elementOf({ id, type, name, owner_id: ownerId, attributes, modified_at: modifiedAt }),
      ),
      ...Array.from(relations.values(), ({ from, type, to }) => ({ from, type, to })),
    ],
    async watch() {
      const before = writes()
      return async () => writes() - before
    },
  }
}

export function sqliteSubject(path: string, thread: boolean): TargetSubject {
  let file: DatabaseSync | undefined
  const opened = () => (file ??= new DatabaseSync(path, { timeout: 5000 }))
  return {
    target: sqlite(path, { thread }),
    reopen: () => sqlite(path, { thread: false }),
    async read() {
      const all = <Row>(statement: string) => opened().prepare(statement).all() as Row[]
      const elements = all<StoredElement>('select id, type, name, owner_id, attributes, modified_at from elements')
      const relations = all<StoredRelation>('select from_id, type, to_id from relations')
      return [...elements.map(elementOf), ...relations.map(relationOf)]
    },
    async watch() {
      opened().exec('create table if not exists written (id); delete from written')
      for (const what of ['insert', 'update'])
        opened().exec(`create trigger if not exists on_${what} after ${what} on elements begin
          insert into written values (new.id); end`)
      return async () => Number(opened().prepare('select count(*) as count from written').get()!.count)
    },
    close: () => file?.close(),
  }
}

export function postgresSubject(scene: ReturnType<typeof postgresScene>): TargetSubject {
  const prefix = scene.prefix()
  const make = () => postgres({ pool: scene.pool, prefix })
  const versions = async () =>
    new Map(
      (
        await scene.rows<{ id: string; version: string }>(
          `select id, xmin || ' ' || ctid::text as version from ${prefix}elements`,
        )
      ).map(({ id, version }) => [id, version]),
    )
  return {
    target: make(),
    reopen: make,
    async read() {
      const elements = await scene.rows<StoredElement>(`select id, type, name, owner_id, attributes::text,
        (extract(epoch from modified_at) * 1000)::float8 as modified_at from ${prefix}elements`)
      const relations = await scene.rows<StoredRelation>(`select from_id, type, to_id from ${prefix}relations`)
      return [...elements.map(elementOf), ...relations.map(relationOf)]
    },
    async watch() {
      const before = await versions()
      return async () => [...(await versions())].filter(([id, version]) => before.get(id) !== version).length
    },
    close: () => scene.drop(prefix),
  }
}

export function exportSubject(path: string): TargetSubject {
  return {
    target: jsonl(path, { allowEmpty: true }),
    reopen: () => jsonl(path, { allowEmpty: true }),
    read: async () => recordsOf(textOf(path)),
  }
}

/** What whoever reads an export takes it for. */
function recordsOf(text: string): (Element | Relation)[] {
  const elements = new Map<string, Element>()
  const relations = new Map<string, Relation>()
  for (const line of text.split('\n').filter(Boolean)) {
    const record = exactJson(line) as SyncRecord
    if (isRelation(record)) {
      if (record.deleted) relations.delete(relationKey(record))
      else relations.set(relationKey(record), record)
    } else if (isAttributeChange(record)) {
      const former = elements.get(record.element)!
      const { modifiedAt = former.modifiedAt } = record
      const attributes = mergeAttributes(former.attributes, record.attributes as Record<string, AttributeValue | null>)
      elements.set(record.element, { ...former, attributes, ...(modifiedAt !== undefined && { modifiedAt }) })
    } else if (record.deleted) {
      elements.delete(record.id)
      for (const [key, { from, to }] of relations) if (from === record.id || to === record.id) relations.delete(key)
    } else elements.set(record.id, record)
  }
  return [...elements.values(), ...relations.values()]
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function elementOf({ id, type, name, owner_id, attributes, modified_at }: StoredElement): Element {
  const optional = {
    ...(owner_id !== null && { ownerId: owner_id }),
    ...(modified_at !== null && { modifiedAt: modified_at }),
  }
  return { id, type, name, attributes: JSON.parse(attributes as string) as Element['attributes'], ...optional }
}

function relationOf({ from_id, type, to_id }: StoredRelation): Relation {
  return { from: from_id, type, to: to_id }
}
