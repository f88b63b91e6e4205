import pg from 'pg'
import { expect, test } from 'vitest'
import type { Element } from '../../src/sync/model/record.ts'
import { postgres } from '../../src/sync/targets/postgres.ts'
import { element, ListSource, relation } from './list-source.ts'
import { apply, batchOf, many, patience, postgresSyncs } from './postgres-syncs.ts'

const { scene, opened, syncOf, connected, dead } = postgresSyncs()

test('two syncs in one set of tables: neither touches or takes what is the other one’s', async () => {
  const prefix = scene.prefix()
  const one = syncOf(prefix, [element('a'), element('shared', 1), relation('a', 'shared')], { name: 'one' })
  const two = syncOf(prefix, [element('b'), element('shared', 2), relation('a', 'shared'), relation('b', 'a')], {
    name: 'two',
  })
  expect(await one.sync.run()).toMatchObject({ inserted: 3, failed: 0 })
  expect(await two.sync.run()).toMatchObject({ inserted: 2, failed: 2 })
  expect((await dead(prefix)).map(({ key, reason }) => `${key}: ${reason}`)).toEqual([
    'a feeds shared: It belongs to another sync.',
    'shared: It belongs to the sync "one".',
  ])
  two.source.records = [element('b')]
  one.source.records = [element('shared', 3)]
  expect(await two.sync.run()).toMatchObject({ unchanged: 1, deleted: 1 })
  expect(await one.sync.run()).toMatchObject({ updated: 1, deleted: 2 })
  expect(await scene.graph(prefix, 'two')).toMatchObject({ elements: [expect.stringMatching(/^b\|/)], pending: [] })
})

test('ids of all planes are in the order of their bytes, whatever the database sorts by: no live row is deleted', async () => {
  const prefix = scene.prefix()
  const ids = ['Z', 'a', 'B', 'é', '中', 'ｱ', '\u{ff5e}', '😀', '𝒳', '10', '9', 'ab', 'A b', '_', '-a']
  const sorted = ids.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
  const { rows } = await scene.pool.query('select id from unnest($1::text[]) as id order by id', [ids])
  expect(rows.map(({ id }) => id)).not.toEqual(sorted)
  const { sync, source } = syncOf(
    prefix,
    sorted.map(id => element(id)),
    { batchSize: 3 },
  )
  await sync.run()
  source.records = sorted.filter(id => id !== '😀').map(id => element(id))
  expect(await sync.run()).toMatchObject({ deleted: 1, inserted: 0, updated: 0, unchanged: 14 })
})

test('what PostgreSQL cannot take is found among the rest, which is written, in an empty table and in a full one', async () => {
  const prefix = scene.prefix()
  const bad = [element('nul', 'a\0b'), element('half', 'x\ud83d'), element('late', 1, { modifiedAt: 9.1e15 })]
  const random = Array.from({ length: 1000 }, () => String.fromCharCode(0x4e00 + Math.random() * 20_000)).join('')
  const longIds = [random.slice(0, 341), random.slice(341, 682), random.slice(650, 990)] as const
  const tooLong = { from: longIds[0], type: longIds[1], to: longIds[2] }
  const connection = await connected(prefix)
  for (const value of [1, 2]) {
    const batch = batchOf([...many(50, value), ...bad, ...longIds.map(id => element(id))] as Element[], [
      relation('e1000', 'e1001'),
      tooLong,
    ])
    const { refused, ...counts } = await apply(connection, batch)
    if (value === 1) expect(counts).toMatchObject({ inserted: 54, updated: 0, unchanged: 0 })
    else expect(counts).toMatchObject({ inserted: 0, updated: 50, unchanged: 4 })
    const states = Object.fromEntries(refused.map(({ key, reason }) => [key.slice(0, 4), reason.slice(-6, -1)]))
    expect(states).toEqual({
      nul: '22P05',
      half: '22P02',
      late: '22008',
      [tooLong.from.slice(0, 4)]: '54000',
    })
    expect(refused[0]!.reason).toMatch(/^PostgreSQL cannot take it: .* SQLSTATE/)
  }
  expect(await scene.rows(`select 1 from ${prefix}elements`)).toHaveLength(53)
})

test('a constraint of one’s own costs the records that break it, and no others', async () => {
  const prefix = scene.prefix()
  const { sync } = syncOf(prefix, [])
  await sync.run().catch(() => {})
  await scene.pool.query(`alter table ${prefix}elements add check (name <> 'E1003'), add unique (attributes)`)
  const distinct = many(10).map((one, index) => ({ ...one, attributes: { value: index === 7 ? 6 : index } }))
  const next = syncOf(prefix, distinct, { lanes: 1 })
  expect(await next.sync.run()).toMatchObject({ inserted: 8, failed: 2 })
  expect((await dead(prefix)).map(({ key }) => key)).toEqual(['e1003', 'e1007'])
})

test('an id that comes again in a later batch of a first run is updated; the run goes on', async () => {
  const prefix = scene.prefix()
  const records = [...many(25), element('e1003', 2), element('e1030'), ...many(3, 3)]
  const { sync } = syncOf(prefix, records, { batchSize: 5, lanes: 1 })
  expect(await sync.run()).toMatchObject({ inserted: 26, updated: 4, failed: 0 })
  expect(await sync.run()).toMatchObject({ updated: 4 + 4 })
})

test('by a connectionString it brings its own pool, and leaves nothing open; a wrong one says what failed', async () => {
  const prefix = scene.prefix()
  const url = new URL(scene.connectionString)
  url.searchParams.set('application_name', 'own-pool')
  const source = new ListSource(many(3))
  const target = postgres({ connectionString: url.href, prefix })
  const sync = opened({ name: 'plant', source, target, strategy: { patience } })
  expect(await sync.run()).toMatchObject({ inserted: 3 })
  await sync.close()
  await expect.poll(() => scene.rows(`select 1 from pg_stat_activity where application_name = 'own-pool'`)).toEqual([])
  const away = postgres({ connectionString: 'postgresql://nobody:hidden@127.0.0.1:1/nothing' }).connect('plant')
  const error = await away.catch(error => error)
  expect(error).toMatchObject({ code: 'target_unavailable', retryable: true })
  expect(`${error.message}${JSON.stringify(error)}`).not.toContain('hidden')
})

test('tables that it cannot use are refused with the reason: another order of ids, not allowed, other columns', async () => {
  const prefix = scene.prefix()
  await connected(prefix).then(connection => connection.close())
  await scene.pool.query(`alter table ${prefix}elements alter column id type text collate "default"`)
  await expect(connected(prefix)).rejects.toMatchObject({
    code: 'invalid_configuration',
    message: expect.stringContaining('collate "C"'),
  })
  await scene.pool.query(`alter table ${prefix}elements alter column id type text collate "C", drop column hash`)
  await expect(connected(prefix)).rejects.toMatchObject({
    code: 'invalid_configuration',
    message: expect.stringContaining('hash is missing'),
  })
  const readOnly = new pg.Pool({
    connectionString: scene.connectionString,
    options: '-c default_transaction_read_only=on',
  })
  // Behind its end the database goes with whoever is still there.
  readOnly.on('error', () => {})
  const reading = postgres({ pool: readOnly, prefix: scene.prefix() }).connect('plant')
  await expect(reading).rejects.toMatchObject({ code: 'target_unavailable', retryable: true })
  await readOnly.end()
})

test('a pool of one client is enough', async () => {
  const pool = new pg.Pool({ connectionString: scene.connectionString, max: 1 })
  // Behind its end the database goes with whoever is still there.
  pool.on('error', () => {})
  const prefix = scene.prefix()
  const target = postgres({ pool, prefix, lanes: 3 })
  const sync = opened({
    name: 'plant',
    source: new ListSource(many(40)),
    target,
    strategy: { batchSize: 5, patience },
  })
  expect(await sync.run()).toMatchObject({ inserted: 40 })
  await sync.close()
  await pool.end()
})

test('behind a first run PostgreSQL knows what is there, so that queries are planned right from the start', async () => {
  const prefix = scene.prefix()
  const { sync } = syncOf(prefix, many(2000))
  await sync.run()
  await sync.close()
  const known = await scene.rows<{ attname: string }>(
    'select attname from pg_stats where tablename = $1 order by attname',
    [`${prefix}elements`],
  )
  expect(known.map(({ attname }) => attname)).toEqual(['id', 'origin', 'owner_id'])
})
