import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { expect, test } from 'vitest'
import { createSync, type SourcePage } from '../../../src/sync/index.ts'
import { type SqliteSourceOptions, sqlite } from '../../../src/sync/sources/sqlite.ts'
import { sqlite as sqliteTarget } from '../../../src/sync/targets/sqlite.ts'
import { MemoryTarget } from '../../../src/testing/memory-target.ts'
import { sourceContract } from '../../../src/testing/sync-source-contract.ts'
import { elementsIn, ListSource, relationsIn } from '../list-source.ts'
import { sampleElements, sampleRecords, sampleRelations } from './sample-records.ts'
import { temporaryFolder } from './temporary-folder.ts'

const pathOf = temporaryFolder()

function fileWith(...statements: (string | [string, ...SQLInputValue[]])[]): { path: string; database: DatabaseSync } {
  const path = pathOf('source.db')
  const database = new DatabaseSync(path)
  database.exec('pragma journal_mode = wal')
  for (const statement of statements) {
    if (typeof statement === 'string') database.exec(statement)
    else database.prepare(statement[0]).run(...statement.slice(1))
  }
  return { path, database }
}

/** The same records in tables, with an index that fits and without one. */
function sampleFile(key: string, relationKey: string) {
  const { path, database } = fileWith(
    `create table elements (id text ${key}, type text, name text, owner_id text, attributes text, modified_at integer)`,
    `create table relations (from_id text, type text, to_id text ${relationKey})`,
    ...sampleElements.map(({ id, type, name, ownerId, attributes, modifiedAt }): [string, ...SQLInputValue[]] => {
      const values = [id, type, name, ownerId ?? null, JSON.stringify(attributes), modifiedAt ?? null]
      return ['insert into elements values (?, ?, ?, ?, ?, ?)', ...values]
    }),
    ...sampleRelations.map(({ from, type, to }): [string, ...SQLInputValue[]] => [
      'insert into relations values (?, ?, ?)',
      ...[from, type, to],
    ]),
  )
  database.close()
  return { source: sqlite(path), reopen: () => sqlite(path), records: sampleRecords }
}

sourceContract(test, 'sqlite with indexes', {
  make: async () => sampleFile('primary key', ', primary key (from_id, type, to_id)'),
})
sourceContract(test, 'sqlite without indexes', { make: async () => sampleFile('', '') })
sourceContract(test, 'sqlite with an index in another order', {
  make: async () => sampleFile('primary key collate nocase', ''),
})

async function read(path: string, options?: SqliteSourceOptions, pageRecords = 1000): Promise<SourcePage[]> {
  const source = sqlite(path, options)
  const { signal } = new AbortController()
  const pages: SourcePage[] = []
  for await (const page of source.read({ filter: {}, pageRecords, pageBytes: 2 ** 20, signal })) pages.push(page)
  await source.close?.()
  return pages
}

const records = (pages: readonly SourcePage[]) => pages.flatMap(page => page.records)

test('what the target sqlite wrote is a source as it stands', async () => {
  const path = pathOf('copy.db')
  const first = createSync({ name: 'plant', source: new ListSource([...sampleRecords]), target: sqliteTarget(path) })
  await first.run()
  await first.close()
  // One relation waits for its end in a table of its own.
  const count = sampleRecords.length - 1
  const target = new MemoryTarget({ batch: 2 })
  const second = createSync({ name: 'plant', source: sqlite(path), target })
  expect(await second.run()).toMatchObject({ inserted: count, failed: 0, deleted: 0 })
  expect(await second.run()).toMatchObject({ inserted: 0, updated: 0, unchanged: count, deleted: 0 })
  await second.close()
  expect(target.tables.elements.size).toBe(sampleElements.length)
})

test('columns of any table: names, constants, JSON, single attributes, instants, what is gone', async () => {
  const { path, database } = fileWith(
    'create table customer (number integer primary key, label, region, size, photo, changed text, gone, big integer)',
    `insert into customer values (12, 'Ada', 'north', 1.5, x'00ff', '2026-02-03 04:05:06', 0, 9007199254740993)`,
    `insert into customer values (7, null, null, null, null, null, 1, 1)`,
    'create table knows (who integer, whom integer)',
    'insert into knows values (12, 7), (12, 7), (7, null)',
  )
  database.close()
  const pages = await read(path, {
    table: 'customer',
    columns: { id: 'number', type: { value: 'customer' }, name: 'label', modifiedAt: 'changed', deleted: 'gone' },
    relations: { table: 'knows', columns: { from: 'who', type: { value: 'knows' }, to: 'whom' } },
  })
  const changed = { modifiedAt: '2026-02-03T04:05:06Z' }
  const attributes = { region: 'north', size: 1.5, photo: 'AP8=', big: '9007199254740993' }
  const none = { region: null, size: null, photo: null }
  expect(records(pages)).toEqual([
    { id: '12', type: 'customer', name: 'Ada', ...changed, attributes },
    { id: '7', type: 'customer', deleted: true, attributes: { ...none, big: 1 } },
    { from: '12', type: 'knows', to: '7' },
    { from: '12', type: 'knows', to: '7' },
  ])
  expect(pages.flatMap(page => page.unreadable ?? [])).toEqual([
    { place: 'the table knows', reason: '1 of its rows lack a value in from, type, to.' },
  ])
  const some = await read(path, {
    query: `select number as id, region as type, json_object('size', size) as attributes from customer where number > 7`,
    relations: false,
  })
  expect(records(some)).toEqual([{ id: '12', type: 'north', attributes: { size: 1.5 } }])
})

test('rows of one key stay together, whatever a page may hold', async () => {
  const { path, database } = fileWith(
    'create table elements (id, name)',
    `insert into elements values ('a', 1), ('b', 2), ('b', 3), ('b', 4), ('c', 5), (null, 6)`,
  )
  database.close()
  for (const pageRecords of [1, 2, 3, 4, 100]) {
    const pages = await read(path, {}, pageRecords)
    expect(records(pages).map(record => (record as { name: string }).name)).toEqual(['1', '2', '3', '4', '5'])
    expect(pages[0]!.unreadable).toEqual([{ place: 'the table elements', reason: '1 of its rows lack a value in id.' }])
  }
})

test('what cannot be read is a record at fault; a type that is no text in an index costs its row alone', async () => {
  const { path, database } = fileWith(
    'create table elements (id text primary key, attributes text)',
    `insert into elements values ('a', '{broken'), ('b', '{"x":1}'), (x'aa', null), (null, null)`,
  )
  database.close()
  const target = new MemoryTarget()
  const sync = createSync({ name: 'plant', source: sqlite(path), target })
  expect(await sync.run()).toMatchObject({ inserted: 1, failed: 2, total: 3 })
  await sync.close()
  expect([...target.tables.elements.keys()]).toEqual(['b'])
})

test('no lock is held between pages: others write meanwhile, and what was there throughout is met', async () => {
  const { path, database } = fileWith(
    'pragma journal_mode = delete',
    'create table elements (id text primary key, name text, attributes text)',
  )
  const put = database.prepare('insert or replace into elements values (?, ?, null)')
  for (let id = 0; id < 100; id++) put.run(`e${1000 + id}`, 'old')
  const source = sqlite(path)
  const met: string[] = []
  const { signal } = new AbortController()
  for await (const page of source.read({ filter: {}, pageRecords: 10, pageBytes: 2 ** 20, signal })) {
    met.push(...page.records.map(record => (record as { id: string }).id))
    if (met.length < 100) put.run(`e${1000 + met.length}`, 'new')
    database.prepare('delete from elements where id = ?').run(`e${999 + met.length}`)
    put.run('e0', 'behind')
  }
  await source.close?.()
  database.close()
  expect(met).toEqual(Array.from({ length: 100 }, (_, id) => `e${1000 + id}`))
})

test('it waits for a lock for a while; then it is a failure that passes', async () => {
  const { path, database } = fileWith(
    'pragma journal_mode = delete',
    'create table elements (id text primary key)',
    `insert into elements values ('a')`,
  )
  database.exec('begin exclusive')
  await expect(read(path, { busyLimitMs: 20 })).rejects.toMatchObject({ code: 'source_failed', retryable: true })
  const reading = read(path, { busyLimitMs: 10_000 })
  await new Promise(resolve => setTimeout(resolve, 30))
  database.exec('commit')
  expect(records(await reading)).toEqual([{ id: 'a', attributes: {} }])
  database.close()
})

test('a run into another file, with deletes, as the source changes', async () => {
  const { path, database } = fileWith(
    'create table elements (id text primary key, type text, attributes text)',
    'create table relations (from_id text, type text, to_id text)',
  )
  const put = database.prepare('insert or replace into elements values (?, ?, ?)')
  for (let id = 0; id < 50; id++) put.run(`e${id}`, 'pump', JSON.stringify({ value: id }))
  database.exec(`insert into relations values ('e1', 'feeds', 'e2'), ('e2', 'feeds', 'e3')`)
  const target = new MemoryTarget({ batch: 7 })
  const sync = createSync({ name: 'plant', source: sqlite(path), target })
  expect(await sync.run()).toMatchObject({ inserted: 52 })
  database.exec(`delete from elements where id in ('e3', 'e40'); delete from relations where to_id = 'e2'`)
  put.run('e5', 'pump', '{"value":99}')
  expect(await sync.run()).toMatchObject({ updated: 1, deleted: 3 })
  expect(elementsIn(target)).toContain('e5=99')
  expect(relationsIn(target)).toEqual([])
  expect(relationsIn(target, 'pending')).toEqual(['e2→e3'])
  expect(await sync.run({ part: { elements: ['e7'] } })).toMatchObject({ total: 1, unchanged: 1 })
  await sync.close()
  database.close()
})

test('mistakes are named: no file, no table, no column, a table and a query', async () => {
  const { path, database } = fileWith('create table elements (id text primary key)')
  database.close()
  const failing = (options: SqliteSourceOptions) => expect(read(path, options)).rejects
  await expect(read(pathOf('missing.db'))).rejects.toMatchObject({ code: 'source_failed', retryable: false })
  await failing({ table: 'nothing' }).toMatchObject({ code: 'invalid_configuration' })
  await failing({ columns: { name: 'label' } }).toThrow('There is no column "label"; there are id.')
  await failing({ query: 'delete from elements' }).toMatchObject({ code: 'invalid_configuration' })
  expect(() => sqlite(path, { table: 'elements', query: 'select 1' })).toThrow('name one of the two')
  expect(sqlite(path).identity).toBe(path)
  expect(sqlite(path, { table: 'other' }).identity).not.toBe(sqlite(path).identity)
})
