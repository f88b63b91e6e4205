import pg from 'pg'
import { test } from 'vitest'
import { postgres } from '../../src/sync/targets/postgres.ts'
import { playSyncSchedules, type TargetHarness } from '../../src/testing/sync-schedules.ts'
import { postgresScene } from './postgres-scene.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const runs = long ? 3000 : 14
const scene = postgresScene()

function harness(lanes: number): TargetHarness {
  const prefix = scene.prefix()
  // A process that is killed while it connects never gives its client back.
  const clients = new Set<pg.Client>()
  const pool = new pg.Pool({ connectionString: scene.connectionString, max: 100 })
  // Behind its end the database goes with whoever is still there.
  pool.on('error', () => {})
  pool.on('connect', client => void clients.add(client as unknown as pg.Client))
  pool.on('remove', client => void clients.delete(client as unknown as pg.Client))
  return {
    target: postgres({ pool, prefix, lanes }),
    read: sync => scene.graph(prefix, sync),
    async dispose() {
      await Promise.all(Array.from(clients, client => client.end()))
      void pool.end()
      await scene.drop(prefix)
    },
  }
}

for (const lanes of [1, 2])
  test(`${runs / 2} random schedules of kills and stops at any step leave it as the source is, with ${lanes} at once`, async () => {
    await playSyncSchedules(async () => harness(lanes), { runs: runs / 2, seed: 1 + lanes * 10_000 })
  }, 1_800_000)
