import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import type { Target } from '../../src/sync/target.ts'
import { postgres } from '../../src/sync/targets/postgres.ts'
import { sqlite } from '../../src/sync/targets/sqlite.ts'
import { postgresScene } from './postgres-scene.ts'

/** Where a test's syncs write. */
export interface SqlPlace {
  readonly target: () => Target
  /** Runs a statement about `elements` and `relations` past the target. */
  rows<Row extends object>(statement: string): Promise<Row[]>
}

/** Both databases, for promises that hold in each; a new place for each test. */
export function sqlPlaces(): readonly (readonly [name: string, place: () => SqlPlace])[] {
  const scene = postgresScene()
  return [
    ['SQLite', inSqlite],
    [
      'PostgreSQL',
      () => {
        const prefix = scene.prefix()
        return {
          target: () => postgres({ pool: scene.pool, prefix }),
          rows: statement => scene.rows(statement.replaceAll(/\b(elements|relations)\b/g, `${prefix}$1`)),
        }
      },
    ],
  ]
}

function inSqlite(): SqlPlace {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-place-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'place.db')
  return {
    target: () => sqlite(path),
    async rows<Row extends object>(statement: string) {
      const database = new DatabaseSync(path, { timeout: 10_000 })
      try {
        return database
          .prepare(statement)
          .all()
          .map(row => ({ ...row })) as Row[]
      } finally {
        database.close()
      }
    },
  }
}
