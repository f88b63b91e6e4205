import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { createSync } from '../../src/sync/create-sync.ts'
import { type SqliteTargetOptions, sqlite } from '../../src/sync/targets/sqlite.ts'
import { element, ListSource, relation } from './list-source.ts'

const patience = { retries: 1, firstMs: 5, pausedMs: 20, giveUpMs: 30_000 }
const many = (count: number) => Array.from({ length: count }, (_, n) => element(`e${1000 + n}`))

function scene() {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-sqlite-shape-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'plant.db')
  const inFile = <T>(work: (file: DatabaseSync) => T): T => {
    const file = new DatabaseSync(path, { timeout: 10_000 })
    try {
      return work(file)
    } finally {
      file.close()
    }
  }
  const read = (statement: string) =>
    inFile(file => file.prepare(statement).all()).map(row => Object.values(row).join(' '))
  return { folder, path, inFile, read }
}

function syncOf(path: string, records: unknown[], options?: SqliteTargetOptions) {
  const source = new ListSource(records)
  const sync = createSync({
    name: 'plant',
    source,
    target: sqlite(path, options),
    strategy: { batchSize: 10, patience },
  })
  onTestFinished(() => sync.close())
  return { sync, source }
}

const columns: Record<string, string> = {
  id: 'text primary key',
  type: 'text not null',
  name: 'text not null',
  owner_id: 'text',
  attributes: 'text not null',
  modified_at: 'integer',
  origin: 'text not null',
  hash: 'text not null',
}
const edges = 'from_id text, type text, to_id text, origin text'

function elementsLike(changed: Record<string, string | undefined>, end = ''): string {
  const list = Object.entries({ ...columns, ...changed }).filter(([, type]) => type !== undefined)
  return `create table elements (${list.map(([name, type]) => `${name} ${type}`).join(', ')}) ${end}`
}

test('a table whose columns would refuse each row, or take it for something else, is refused before anything is read', async () => {
  const cases: [string, RegExp][] = [
    ['create table elements (symbol text, mass real)', /elements\.id is missing, and has to be text; .*; and 3 more/],
    [elementsLike({ hash: undefined }), /tables: elements\.hash is missing, and has to be text\./],
    [elementsLike({ hash: undefined, Hash: 'text not null' }), /tables: elements\.Hash has to be written hash\./],
    [elementsLike({ tenant: 'text not null' }), /elements\.tenant is not null and has no default/],
    [elementsLike({ tenant: 'text not null default null' }), /elements\.tenant is not null and has no default/],
    [elementsLike({ id: 'integer primary key' }), /tables: elements\.id is INTEGER, and has to be text\./],
    [elementsLike({ name: 'numeric not null' }), /elements\.name is numeric, and has to be text/],
    [elementsLike({ id: 'blob primary key' }, 'strict'), /elements\.id is only bytes, and has to be text/],
    [elementsLike({ hash: `text as (id || '')` }), /elements\.hash is generated, and has to be text/],
    [elementsLike({ modified_at: 'integer as (1)' }), /elements\.modified_at is generated, and has to be integer/],
    [elementsLike({ modified_at: 'text' }), /elements\.modified_at is TEXT, and has to be integer/],
    [elementsLike({ owner_id: `text not null default ''` }), /elements\.owner_id is not null, and not every row has/],
    [
      elementsLike({ id: 'text collate nocase primary key' }),
      /ids are compared as bytes, and elements\.id has another/,
    ],
    [
      elementsLike({ owner_id: 'text collate NoCase' }),
      /elements\.owner_id has another collation: make it text collate/,
    ],
    [elementsLike({ id: 'text' }), /tables: elements has no primary key \(id\)\./],
    [elementsLike({ id: 'text', n: 'text, primary key (id, type)' }), /elements has no primary key \(id\)/],
    [elementsLike({ id: 'text', n: 'text, primary key (id collate nocase)' }), /elements has no primary key \(id\)/],
    [`${elementsLike({ id: 'text' })}; create unique index i on elements (id) where id > ''`, /no primary key \(id\)/],
    [elementsLike({}, 'without rowid'), /elements has no row ids of SQLite's own/],
    ['create table t (id); create view elements as select * from t', /elements is a view, and has to be a plain table/],
    ['create virtual table elements using fts5 (id)', /elements is a virtual table, and has to be a plain table/],
    [`create table relations (${edges})`, /relations has no primary key \(from_id, type, to_id\)/],
    [
      `create table relations (${edges.replace('type text', 'type text collate nocase')}, primary key (from_id, type, to_id))`,
      /relations\.type has another collation/,
    ],
  ]
  for (const [statements, message] of cases) {
    const { path, inFile, read } = scene()
    inFile(file => file.exec(statements))
    const before = read('select name from sqlite_schema')
    const { sync, source } = syncOf(path, many(3))
    await expect(sync.run(), statements).rejects.toMatchObject({
      code: 'invalid_configuration',
      retryable: false,
      message: expect.stringMatching(message),
    })
    await expect(sync.run()).rejects.toThrow('Change them, or give the sync tables of its own by a prefix.')
    expect(source.requests).toEqual([])
    expect(read('select name from sqlite_schema'), 'nothing was made beside it').toEqual(before)
    expect(await syncOf(path, many(3), { prefix: 'plant_' }).sync.run()).toMatchObject({ inserted: 3, failed: 0 })
  }
})

test('columns of one’s own that fill themselves, and other names of the same types, are no hindrance', async () => {
  const number = { number: 'integer primary key not null', label: `text generated always as (type || ' ' || id)` }
  const kinds: [string, string][] = [
    [
      elementsLike({ id: 'varchar(200) not null unique', attributes: 'JSON', modified_at: 'datetime', ...number }),
      `create table relations (${edges}, primary key (to_id, from_id, type)) without rowid`,
    ],
    [
      elementsLike({ id: 'any primary key', tenant: `text not null default 'acme'` }, 'strict'),
      `create table "RELATIONS" (${edges}); create unique index r on relations (type, to_id, from_id)`,
    ],
  ]
  for (const statements of kinds) {
    const { path, inFile, read } = scene()
    for (const statement of statements) inFile(file => file.exec(statement))
    const modified = element('07', 1, { modifiedAt: '2026-01-01T00:00:00Z' })
    const { sync } = syncOf(path, [modified, element('7'), element('a'), element('A'), relation('a', 'A')])
    expect(await sync.run()).toMatchObject({ inserted: 5, failed: 0 })
    expect(await sync.run()).toMatchObject({ inserted: 0, updated: 0, failed: 0 })
    expect(read('select id, typeof(id), modified_at, typeof(attributes) from elements order by id')).toEqual([
      '07 text 1767225600000 text',
      '7 text  text',
      'A text  text',
      'a text  text',
    ])
    expect(read('select from_id, to_id from relations')).toEqual(['a A'])
  }
})

test('tables that were dropped under an interrupted run are filled from the start, and whoever still runs writes no more', async () => {
  for (const table of ['elements', 'relations', 'hotwell_seen', 'hotwell_pending']) {
    for (const isKept of [true, false]) {
      const { path, inFile, read } = scene()
      const early = relation('e1000', 'e1099')
      const records = [early, ...many(100), ...many(99).map(({ id }) => relation(id, 'e1000'))]
      const first = syncOf(path, records)
      const ending = new AbortController()
      first.source.beforePage = page => (page === 15 ? ending.abort(new Error('enough')) : undefined)
      await expect(first.sync.run({ signal: ending.signal })).rejects.toThrow('enough')
      const running = await sqlite(path).connect('plant')
      await running.claim()
      inFile(file => file.exec(`drop table ${table}`))
      first.source.beforePage = () => {}
      const { sync } = isKept ? first : syncOf(path, records)
      expect(await sync.run(), table).toMatchObject({ resumed: false, deleted: 0, failed: 0 })
      const counts = ['elements', 'relations'].map(name => read(`select count(*) from ${name}`)[0])
      expect(counts, table).toEqual(['100', '100'])
      const late = running.transaction(0, transaction => transaction.save(0, 'late'))
      await expect(late).rejects.toMatchObject({ code: 'superseded' })
      await running.close()
    }
  }
})

test('a table that is dropped while a run writes into it ends the run, and the next one fills it', async () => {
  const { path, inFile, read } = scene()
  const { sync, source } = syncOf(path, many(100))
  source.beforePage = page => (page === 5 ? inFile(file => file.exec('drop table elements')) : undefined)
  await expect(sync.run()).rejects.toThrow('no such table: elements')
  source.beforePage = () => {}
  expect(await sync.run()).toMatchObject({ inserted: 100 })
  expect(read('select count(*) from elements')).toEqual(['100'])
})

test('tables that are dropped between two runs are filled anew, also where the connection was kept', async () => {
  for (const table of ['elements', 'relations', 'hotwell_positions']) {
    const { path, inFile, read } = scene()
    const { sync } = syncOf(path, [...many(20), relation('e1000', 'e1001')])
    await sync.run()
    inFile(file => file.exec(`drop table ${table}`))
    expect(await sync.run(), table).toMatchObject({ deleted: 0, failed: 0 })
    const counts = ['elements', 'relations'].map(name => read(`select count(*) from ${name}`)[0])
    expect(counts, table).toEqual(['20', '1'])
  }
})

test('a path at which no file can lie is refused at once; folders that are missing are made', async () => {
  expect(() => sqlite('')).toThrow('The path of the SQLite file is empty.')
  const { folder } = scene()
  mkdirSync(join(folder, 'there'))
  writeFileSync(join(folder, 'letter'), 'a letter')
  const cases: [string, RegExp][] = [
    ['there', /there is a folder\. Name an SQLite file/],
    ['nothing/', /nothing\/ is a folder/],
    ['letter/plant.db', /plant\.db cannot be made: .*letter is a file, not a folder/],
    ['letter/a/b/plant.db', /plant\.db cannot be made: .*letter is a file, not a folder/],
  ]
  for (const [place, message] of cases) {
    const { sync, source } = syncOf(`${folder}/${place}`, many(3))
    sync.on('run.waiting', ({ message }) => expect.unreachable(message))
    const refused = { code: 'invalid_configuration', retryable: false, message: expect.stringMatching(message) }
    await expect(sync.run(), place).rejects.toMatchObject(refused)
    expect(source.requests).toEqual([])
    expect(readdirSync(folder).sort()).toEqual(['letter', 'there'])
  }
  expect(await syncOf(join(folder, 'a/b/plant.db'), many(3)).sync.run()).toMatchObject({ inserted: 3 })
})

test('a folder that comes to lie where the file was is not taken for a file that may come back', async () => {
  const { path } = scene()
  const { sync } = syncOf(path, many(3))
  await sync.run()
  rmSync(path)
  mkdirSync(path)
  await expect(sync.run()).rejects.toMatchObject({ code: 'invalid_configuration', retryable: false })
})
