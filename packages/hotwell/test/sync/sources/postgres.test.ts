import pg from 'pg'
import { expect, test } from 'vitest'
import { createSync, type SourcePage } from '../../../src/sync/index.ts'
import { type PostgresSourceOptions, postgres } from '../../../src/sync/sources/postgres.ts'
import { postgres as postgresTarget } from '../../../src/sync/targets/postgres.ts'
import { MemoryTarget } from '../../../src/testing/memory-target.ts'
import { sourceContract } from '../../../src/testing/sync-source-contract.ts'
import { elementsIn, ListSource, relationsIn } from '../list-source.ts'
import { postgresScene } from '../postgres-scene.ts'
import { sampleElements, sampleRecords, sampleRelations } from './sample-records.ts'

const scene = postgresScene()

/** The same records in tables; ids in the order of bytes, or in that of the database. */
async function sampleTables(text: string, key: string) {
  const prefix = scene.prefix()
  await scene.pool.query(`create table ${prefix}elements (id ${text} ${key}, type text, name text, owner_id ${text},
      attributes jsonb, modified_at timestamptz);
    create table ${prefix}relations (from_id ${text}, type ${text}, to_id ${text})`)
  for (const { id, type, name, ownerId, attributes, modifiedAt } of sampleElements)
    await scene.pool.query(
      `insert into ${prefix}elements values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000))`,
      [...[id, type, name, ownerId, JSON.stringify(attributes), modifiedAt]],
    )
  for (const { from, type, to } of sampleRelations)
    await scene.pool.query(`insert into ${prefix}relations values ($1, $2, $3)`, [from, type, to])
  const options = { table: `${prefix}elements`, relations: { table: `${prefix}relations` } }
  const make = () => postgres({ connectionString: scene.connectionString, ...options })
  return { source: make(), reopen: make, records: sampleRecords, secrets: ['hotwell@'] }
}

sourceContract(test, 'postgres with ids by their bytes', {
  make: () => sampleTables('text collate "C"', 'primary key'),
})
sourceContract(test, 'postgres with ids in another order', { make: () => sampleTables('varchar(100)', '') })

async function read(options: Partial<PostgresSourceOptions>, pageRecords = 1000): Promise<SourcePage[]> {
  const source = postgres({ pool: scene.pool, ...options })
  const { signal } = new AbortController()
  const pages: SourcePage[] = []
  for await (const page of source.read({ filter: {}, pageRecords, pageBytes: 2 ** 20, signal })) pages.push(page)
  await source.close?.()
  return pages
}

const records = (pages: readonly SourcePage[]) => pages.flatMap(page => page.records)

test('what the target postgres wrote is a source as it stands', async () => {
  const prefix = scene.prefix()
  const first = createSync({
    name: 'plant',
    source: new ListSource([...sampleRecords]),
    target: postgresTarget({ pool: scene.pool, prefix }),
  })
  await first.run()
  await first.close()
  const target = new MemoryTarget({ batch: 2 })
  const relations = { table: `${prefix}relations` }
  const source = postgres({ pool: scene.pool, table: `${prefix}elements`, relations })
  const second = createSync({ name: 'plant', source, target })
  const count = sampleElements.length + sampleRelations.length - 1
  expect(await second.run()).toMatchObject({ inserted: count, failed: 0, deleted: 0 })
  expect(await second.run()).toMatchObject({ inserted: 0, updated: 0, unchanged: count, deleted: 0 })
  await second.close()
  expect(target.tables.elements.size).toBe(sampleElements.length)
})

test('columns of any table: names, constants, numbers as ids, single attributes, instants, what is gone', async () => {
  const prefix = scene.prefix()
  await scene.pool.query(`create table ${prefix}customer (number int primary key, label text, region text, size float8,
      photo bytea, changed timestamp, gone timestamptz, big bigint, tags text[], "Odd ""name" date);
    insert into ${prefix}customer values
      (12, 'Ada', 'north', 1.5, '\\x00ff', '2026-02-03 04:05:06.789', null, 9007199254740993, '{a,b}', '2026-01-02'),
      (7, null, null, null, null, null, now(), 1, null, null);
    create table ${prefix}knows (who int, whom int);
    insert into ${prefix}knows values (12, 7), (12, 7), (7, null)`)
  const pages = await read({
    table: `${prefix}customer`,
    columns: { id: 'number', type: { value: 'customer' }, name: 'label', modifiedAt: 'changed', deleted: 'gone' },
    relations: { table: `public.${prefix}knows`, columns: { from: 'who', type: { value: 'knows' }, to: 'whom' } },
  })
  const changed = { modifiedAt: Date.UTC(2026, 1, 3, 4, 5, 6, 789) }
  const attributes = { region: 'north', size: 1.5, photo: 'AP8=', big: '9007199254740993', tags: ['a', 'b'] }
  const none = { region: null, size: null, photo: null, tags: null, 'Odd "name': null }
  expect(records(pages)).toEqual([
    { id: '12', type: 'customer', name: 'Ada', ...changed, attributes: { ...attributes, 'Odd "name': '2026-01-02' } },
    { id: '7', type: 'customer', deleted: true, attributes: { ...none, big: 1 } },
    { from: '12', type: 'knows', to: '7' },
    { from: '12', type: 'knows', to: '7' },
  ])
  expect(pages.flatMap(page => page.unreadable ?? [])).toEqual([
    { place: `the table public.${prefix}knows`, reason: '1 of its rows lack a value in from, type, to.' },
  ])
  const query = `select number as id, region as type, json_build_object('size', size) as attributes
    from ${prefix}customer where number > 7`
  expect(records(await read({ query, relations: false }))).toEqual([
    { id: '12', type: 'north', attributes: { size: 1.5 } },
  ])
  const source = postgres({ pool: scene.pool, table: `${prefix}customer`, columns: { id: 'number' }, relations: false })
  const { signal } = new AbortController()
  const found = await source.get!(['12', '012', 'x', '99999999999999999999'], { signal })
  expect(found.map(one => (one as { id: string }).id)).toEqual(['12'])
  await source.close?.()
})

test('rows of one key stay together, whatever a page may hold', async () => {
  const prefix = scene.prefix()
  await scene.pool.query(`create table ${prefix}elements (id text, name text);
    insert into ${prefix}elements values ('a', 1), ('b', 2), ('b', 2), ('b', 2), ('c', 5), (null, 6)`)
  for (const pageRecords of [1, 2, 3, 4, 100]) {
    const pages = await read({ table: `${prefix}elements`, relations: false }, pageRecords)
    expect(records(pages).map(record => (record as { name: string }).name)).toEqual(['1', '2', '2', '2', '5'])
    expect(pages[0]!.unreadable).toHaveLength(1)
  }
})

test('one reading sees one state, though others write meanwhile; no lock is in their way', async () => {
  const prefix = scene.prefix()
  await scene.pool.query(`create table ${prefix}elements (id text collate "C" primary key, name text);
    insert into ${prefix}elements select 'e' || n, 'old' from generate_series(10000, 15999) as n`)
  const source = postgres({ pool: scene.pool, table: `${prefix}elements`, relations: false })
  const { signal } = new AbortController()
  const met: unknown[] = []
  for await (const page of source.read({ filter: {}, pageRecords: 500, pageBytes: 2 ** 20, signal })) {
    if (met.length === 0)
      await scene.pool.query(`update ${prefix}elements set name = 'new';
        delete from ${prefix}elements where id > 'e12000'; insert into ${prefix}elements values ('e99999', 'new')`)
    met.push(...page.records)
  }
  expect(met).toHaveLength(6000)
  expect(new Set(met.map(record => (record as { name: string }).name))).toEqual(new Set(['old']))
})

test('a run with deletes, as the source changes; its connection ended in the middle costs a pause', async () => {
  const prefix = scene.prefix()
  await scene.pool.query(`create table ${prefix}elements (id text collate "C" primary key, type text, attributes jsonb);
    create table ${prefix}relations (from_id text, type text, to_id text);
    insert into ${prefix}elements select 'e' || n, 'pump', jsonb_build_object('value', n) from generate_series(0, 4999) as n;
    insert into ${prefix}relations values ('e1', 'feeds', 'e2'), ('e2', 'feeds', 'e3')`)
  const pool = new pg.Pool({ connectionString: scene.connectionString, application_name: prefix })
  // One that nobody uses just then is ended as well.
  pool.on('error', () => {})
  const target = new MemoryTarget({ batch: 100 })
  const relations = { table: `${prefix}relations` }
  const source = postgres({ pool, table: `${prefix}elements`, relations })
  const sync = createSync({ name: 'plant', source, target, strategy: { patience: { firstMs: 1 } } })
  let pages = 0
  sync.on('page.read', () => {
    if (++pages === 5)
      void scene.pool.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
        prefix,
      ])
  })
  expect(await sync.run()).toMatchObject({ inserted: 5002 })
  await scene.pool.query(`delete from ${prefix}elements where id in ('e3', 'e40');
    delete from ${prefix}relations where to_id = 'e2'; update ${prefix}elements set attributes = '{"value":99}' where id = 'e5'`)
  expect(await sync.run()).toMatchObject({ updated: 1, deleted: 3 })
  expect(elementsIn(target)).toContain('e5=99')
  expect(relationsIn(target)).toEqual([])
  expect(relationsIn(target, 'pending')).toEqual(['e2→e3'])
  expect(await sync.run({ part: { elements: ['e7'] } })).toMatchObject({ total: 1, unchanged: 1 })
  await sync.close()
  await pool.end()
})

test('mistakes are named: no table, no column, a table and a query, a database that is away', async () => {
  const prefix = scene.prefix()
  await scene.pool.query(`create table ${prefix}elements (id text primary key)`)
  const failing = (options: Partial<PostgresSourceOptions>) => expect(read({ relations: false, ...options })).rejects
  await failing({ table: 'nothing' }).toMatchObject({ code: 'invalid_configuration' })
  await failing({ table: `${prefix}elements`, columns: { name: 'label' } }).toThrow(
    'There is no column "label"; there are id.',
  )
  await failing({ query: 'delete from elements' }).toMatchObject({ code: 'invalid_configuration' })
  await failing({ table: `${prefix}elements"; drop table x; --` }).toMatchObject({ code: 'invalid_configuration' })
  const { pool } = scene
  expect(() => postgres({ pool, table: 'elements', query: 'select 1' })).toThrow('name one of the two')
  const away = { connectionString: 'postgresql://me:hidden@127.0.0.1:1/plant' }
  expect(postgres(away).identity).toBe('127.0.0.1:1/plant')
  expect(postgres({ ...away, table: 'other' }).identity).not.toBe(postgres(away).identity)
  const reading = postgres(away).get!(['a'], { signal: new AbortController().signal })
  await expect(reading).rejects.toMatchObject({ code: 'source_failed', retryable: true })
})
