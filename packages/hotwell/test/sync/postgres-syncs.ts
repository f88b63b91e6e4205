import { afterEach } from 'vitest'
import { createSync, type Sync, type SyncOptions } from '../../src/sync/create-sync.ts'
import { rowOf } from '../../src/sync/engine/batch-builder.ts'
import type { Element } from '../../src/sync/model/record.ts'
import type { Batch, RelationRow } from '../../src/sync/model/rows.ts'
import { runLane, type TargetConnection } from '../../src/sync/target.ts'
import { type PostgresTargetOptions, postgres } from '../../src/sync/targets/postgres.ts'
import { element, ListSource } from './list-source.ts'
import { postgresScene } from './postgres-scene.ts'

export const patience = { firstMs: 1, pausedMs: 1 }

/** Syncs into a database of a file's own, and connections to it; all are closed behind each test. */
export function postgresSyncs() {
  const scene = postgresScene()
  const open: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close()
  })

  function opened(options: SyncOptions): Sync {
    const sync = createSync(options)
    open.push(sync)
    return sync
  }

  function syncOf(
    prefix: string,
    records: unknown[],
    more: { name?: string; lanes?: number; batchSize?: number } = {},
  ) {
    const { name = 'plant', lanes = 2, batchSize = 10 } = more
    const source = new ListSource(records)
    const target = postgres({ pool: scene.pool, prefix, lanes })
    const strategy = { batchSize, patience, deleteGuard: { fraction: 1 } }
    return { source, sync: opened({ name, source, target, strategy }) }
  }

  async function connected(prefix: string, options: Partial<PostgresTargetOptions> = {}, name = 'plant') {
    const connection = await postgres({ pool: scene.pool, prefix, ...options }).connect(name)
    open.push(connection)
    await connection.claim()
    return connection
  }

  const dead = (prefix: string) =>
    scene.rows<{ key: string; reason: string; record: string }>(
      `select key, reason, record from ${prefix}hotwell_dead_letters order by key`,
    )
  return { scene, opened, syncOf, connected, dead }
}

export function batchOf(elements: readonly unknown[], relations: readonly RelationRow[] = []): Batch {
  return {
    elements: elements.map(one => rowOf(one as Element)),
    attributes: [],
    deletedElements: [],
    relations,
    deletedRelations: [],
  }
}

export const apply = (connection: TargetConnection, batch: Batch) =>
  connection.transaction(runLane, transaction => transaction.apply(batch))

export const many = (count: number, value: unknown = 1) =>
  Array.from({ length: count }, (_, n) => element(`e${1000 + n}`, value))
