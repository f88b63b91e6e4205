import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { createSync } from '../../src/sync/create-sync.ts'
import { sqlite } from '../../src/sync/targets/sqlite.ts'
import { playSyncSchedules, type TargetHarness } from '../../src/testing/sync-schedules.ts'
import { element, ListSource, relation } from './list-source.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const runs = long ? 3000 : 25
const threadedRuns = long ? 300 : 6

function harness(thread: boolean): TargetHarness {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-sqlite-target-'))
  const path = join(folder, 'plant.db')
  const edges = (table: string) => `select from_id || char(0) || type || char(0) || to_id as row from ${table}
    where origin = ? order by 1`
  return {
    target: sqlite(path, { thread }),
    async read(sync) {
      // Who was stopped may be closing it still.
      const database = new DatabaseSync(path, { timeout: 10_000 })
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
  await playSyncSchedules(async () => harness(false), { runs })
}, 1_800_000)

test(`${threadedRuns} such schedules do so where a thread of its own writes`, async () => {
  await playSyncSchedules(async () => harness(true), { runs: threadedRuns, seed: 1000 })
}, 1_800_000)

function scene() {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-sqlite-target-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'plant.db')
  const read = (statement: string) => {
    const file = new DatabaseSync(path, { timeout: 10_000 })
    try {
      return file
        .prepare(statement)
        .all()
        .map(row => Object.values(row).join(' '))
    } finally {
      file.close()
    }
  }
  return { folder, path, read }
}

test('people find what was copied in two plain tables', async () => {
  const { path, read } = scene()
  const source = new ListSource([
    element('a', 1, { modifiedAt: '2026-01-01T00:00:00Z' }),
    element('b', 2, { ownerId: 'a' }),
    relation('a', 'b'),
  ])
  await createSync({ name: 'plant', source, target: sqlite(path, { prefix: 'plant_' }) }).run()
  expect(
    read(`select id, type, name, owner_id, attributes ->> 'value', modified_at from plant_elements order by id`),
  ).toEqual(['a pump A  1 1767225600000', 'b pump B a 2 '])
  expect(read('select from_id, type, to_id from plant_relations')).toEqual(['a feeds b'])
})

test('two syncs share its tables, and neither touches the other’s rows', async () => {
  const { path, read } = scene()
  const one = new ListSource([element('a'), element('b'), relation('a', 'b')])
  const other = new ListSource([element('b', 99), element('c'), relation('c', 'a')])
  const first = createSync({ name: 'one', source: one, target: sqlite(path) })
  const second = createSync({ name: 'other', source: other, target: sqlite(path) })
  await first.run()
  expect(await second.run()).toMatchObject({ inserted: 2, failed: 1 })
  one.records = [element('b')]
  expect(await first.run()).toMatchObject({ deleted: 2 })
  expect(await second.run()).toMatchObject({ inserted: 0, updated: 0, failed: 1 })
  expect(read('select id, origin, attributes from elements order by id')).toEqual([
    'b one {"value":1}',
    'c other {"value":1}',
  ])
  expect(read('select origin, from_id, to_id from hotwell_pending')).toEqual(['other c a'])
  expect(read('select sync, kind, key, reason from hotwell_dead_letters')).toEqual([
    'other element b It belongs to the sync "one".',
  ])
})

test('while another process locks the file the run waits, and says so', async () => {
  const { path, read } = scene()
  const source = new ListSource([element('a')])
  const patience = { firstMs: 20 }
  const sync = createSync({ name: 'plant', source, target: sqlite(path, { busyLimitMs: 30 }), strategy: { patience } })
  await sync.run()
  const lock = new DatabaseSync(path, { timeout: 10_000 })
  lock.exec('begin immediate')
  source.records = [element('a', 2)]
  const told: string[] = []
  const running = sync.run({ onProgress: ({ waitingFor }) => waitingFor && told.push(waitingFor) })
  while (told.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  lock.exec('rollback')
  lock.close()
  expect(await running).toMatchObject({ updated: 1 })
  expect(told[0]).toContain('locked by another process')
  expect(read('select attributes from elements')).toEqual(['{"value":2}'])
})

test('what is no database is left alone, with an error that says what to do', async () => {
  const { path } = scene()
  writeFileSync(path, 'This is a letter, and no database at all. '.repeat(100))
  const sync = createSync({ name: 'plant', source: new ListSource([element('a')]), target: sqlite(path) })
  await expect(sync.run()).rejects.toMatchObject({ message: expect.stringContaining('is not an SQLite database') })
  expect(readFileSync(path, 'utf8')).toContain('This is a letter')
  expect(() => sqlite(path, { prefix: 'a-b; drop table x' })).toThrow('A prefix of tables')
})
