import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'vitest'
import { sqlite } from '../../src/sync/targets/sqlite.ts'
import { playSyncSchedules, type TargetHarness } from '../../src/testing/sync-schedules.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const runs = long ? 3000 : 60

function harness(): TargetHarness {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-sqlite-target-'))
  const path = join(folder, 'plant.db')
  const edges = (table: string) => `select from_id || char(0) || type || char(0) || to_id as row from ${table}
    where origin = ? order by 1`
  return {
    target: sqlite(path),
    async read(sync) {
      const database = new DatabaseSync(path)
      try {
        const rows = (statement: string) => {
          const found = database.prepare(statement).all(sync) as { row: string }[]
          return found.map(({ row }) => row).sort()
        }
        return {
          elements: rows(
            `select id || '|' || type || '|' || name || '|' || coalesce(owner_id, '') || '|' || attributes as row
              from elements where origin = ?`,
          ),
          relations: rows(edges('relations')),
          pending: rows(edges('hotwell_pending')),
        }
      } finally {
        database.close()
      }
    },
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

test(`${runs} random schedules of kills and stops at any step leave it as the source is`, async () => {
  await playSyncSchedules(async () => harness(), { runs })
}, 1_800_000)
