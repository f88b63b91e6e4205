import type { Socket } from 'node:net'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { runLane } from '../../src/sync/target.ts'
import { postgres } from '../../src/sync/targets/postgres.ts'
import { element, ListSource, relation } from './list-source.ts'
import { apply, batchOf, many, patience, postgresSyncs } from './postgres-syncs.ts'

const { scene, opened, connected } = postgresSyncs()

test('connections that are ended in the middle of a run cost a pause, and nothing else', async () => {
  const prefix = scene.prefix()
  const pool = new pg.Pool({ connectionString: scene.connectionString, application_name: prefix })
  pool.on('error', () => {})
  const source = new ListSource(many(200))
  const sync = opened({
    name: 'plant',
    source,
    target: postgres({ pool, prefix }),
    strategy: { batchSize: 10, patience },
  })
  let ended = 0
  source.beforePage = async page => {
    if (page % 4 !== 0) return
    const statement = 'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1'
    ended += (await scene.rows(statement, [prefix])).length
  }
  expect(await sync.run()).toMatchObject({ inserted: 200, failed: 0 })
  expect(ended).toBeGreaterThan(0)
  expect((await scene.graph(prefix, 'plant')).elements).toHaveLength(200)
  await sync.close()
  await pool.end()
})

test('who has been superseded writes nothing more, also from within a transaction', async () => {
  const prefix = scene.prefix()
  const older = await connected(prefix)
  const newer = await postgres({ pool: scene.pool, prefix }).connect('plant')
  onTestFinished(() => newer.close())
  let claimed: Promise<unknown> | undefined
  await older.transaction(runLane, async transaction => {
    claimed = newer.claim()
    await transaction.apply(batchOf([element('before')]))
  })
  await claimed
  await expect(apply(older, batchOf([element('after')]))).rejects.toMatchObject({ code: 'superseded' })
  await apply(newer, batchOf([element('mine')]))
  expect(await scene.rows(`select id from ${prefix}elements order by id`)).toEqual([{ id: 'before' }, { id: 'mine' }])
})

test('a process that stands still in a transaction is waited for, then ended: it has written nothing', async () => {
  const prefix = scene.prefix()
  const older = await connected(prefix, { stalledSeconds: 3600 })
  const begun = Promise.withResolvers<void>()
  const goesOn = Promise.withResolvers<void>()
  const stalled = older.transaction(runLane, async transaction => {
    await transaction.apply(batchOf([element('never')]))
    begun.resolve()
    await goesOn.promise
    await transaction.apply(batchOf([element('never either')]))
  })
  await begun.promise
  const newer = await connected(prefix, { stalledSeconds: 0.2 })
  await apply(newer, batchOf([element('mine')]))
  goesOn.resolve()
  await expect(stalled).rejects.toMatchObject({ code: 'target_unavailable', retryable: true })
  await expect(apply(older, batchOf([element('late')]))).rejects.toMatchObject({ code: 'superseded' })
  expect(await scene.rows(`select id from ${prefix}elements`)).toEqual([{ id: 'mine' }])
})

test('the server ends a transaction in which nothing is heard', async () => {
  const prefix = scene.prefix()
  const connection = await connected(prefix, { stalledSeconds: 0.1 })
  const stalled = connection.transaction(runLane, async transaction => {
    await transaction.apply(batchOf([element('never')]))
    await new Promise(resolve => setTimeout(resolve, 400))
    await transaction.apply(batchOf([element('never either')]))
  })
  await expect(stalled).rejects.toMatchObject({ code: 'target_unavailable' })
  await apply(connection, batchOf([element('mine')]))
  expect(await scene.rows(`select id from ${prefix}elements`)).toEqual([{ id: 'mine' }])
})

test('a commit whose answer is lost is not done twice', async () => {
  const prefix = scene.prefix()
  const pool = new pg.Pool({ connectionString: scene.connectionString })
  pool.on('error', () => {})
  let commits = 0
  pool.on('connect', client => {
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
    const write = stream.write.bind(stream) as (bytes: Uint8Array) => boolean
    stream.write = (bytes: Uint8Array) => {
      const isWritten = write(bytes)
      if (Buffer.from(bytes).includes('commit\0') && ++commits % 2 === 0) {
        // The server has it; its answer finds nobody.
        stream.pause()
        setTimeout(() => stream.destroy(), 20)
      }
      return isWritten
    }
  })
  await connected(prefix)
  await scene.pool.query(`create table ${prefix}audit (id text);
    create function ${prefix}audit() returns trigger language plpgsql as
      $$ begin insert into ${prefix}audit values (new.id); return new; end $$;
    create trigger audit after insert or update on ${prefix}elements
      for each row execute function ${prefix}audit()`)
  const source = new ListSource(many(30))
  const target = postgres({ pool, prefix, lanes: 1 })
  const sync = opened({ name: 'plant', source, target, strategy: { batchSize: 10, patience } })
  expect(await sync.run()).toMatchObject({ total: 30, inserted: 30, updated: 0 })
  expect(commits).toBeGreaterThan(6)
  expect(await scene.rows(`select id from ${prefix}audit`)).toHaveLength(30)
  expect(await scene.rows(`select id from ${prefix}elements`)).toHaveLength(30)
  await sync.close()
  await pool.end()
})

test('a relation made beside the deletion of its end waits for it', async () => {
  const prefix = scene.prefix()
  const one = await connected(prefix, {}, 'one')
  const two = await connected(prefix, {}, 'two')
  await apply(one, batchOf([element('a')]))
  await apply(two, batchOf([element('b')]))
  let deleting: Promise<unknown> | undefined
  await two.transaction(runLane, async transaction => {
    await transaction.apply(batchOf([], [relation('b', 'a')]))
    deleting = apply(one, { ...batchOf([]), deletedElements: ['a'] })
    // It would be done by now, did it not wait.
    await new Promise(resolve => setTimeout(resolve, 50))
  })
  await deleting
  expect(await scene.graph(prefix, 'two')).toMatchObject({ relations: [], pending: ['b\0feeds\0a'] })
})

test('a relation is kept at whatever moment its end comes by another transaction', async () => {
  let moments = 0
  for (let moment = 1; moment === 1 || moments >= moment - 1; moment++) {
    const prefix = scene.prefix()
    const other = await connected(prefix, {}, 'other')
    const pool = new pg.Pool({ connectionString: scene.connectionString })
    // Behind its end the database goes with whoever is still there.
    pool.on('error', () => {})
    moments = 0
    let isPutting = false
    pool.on('connect', client => {
      const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
      const write = stream.write.bind(stream) as (bytes: Uint8Array) => boolean
      const held: Uint8Array[] = []
      stream.write = (bytes: Uint8Array) => {
        if (isPutting && ++moments === moment) {
          void apply(other, batchOf([element('a')])).then(() => {
            for (const one of held.splice(0)) write(one)
          })
          held.push(bytes)
          return true
        }
        if (held.length > 0) held.push(bytes)
        else write(bytes)
        return true
      }
    })
    const connection = await postgres({ pool, prefix }).connect('plant')
    await connection.claim()
    await apply(connection, batchOf([element('b')]))
    isPutting = true
    await apply(connection, batchOf([], [relation('b', 'a')]))
    isPutting = false
    await connection.transaction(runLane, transaction => transaction.promotePending())
    const { relations, pending } = await scene.graph(prefix, 'plant')
    expect({ moment, relations, pending }).toMatchObject({ moment, pending: moments < moment ? ['b\0feeds\0a'] : [] })
    expect([...relations, ...pending]).toEqual(['b\0feeds\0a'])
    await connection.close()
    await other.close()
    await pool.end()
  }
  expect(moments).toBeGreaterThan(6)
})

test('syncs that end their first runs in the same tables at once make the indexes without getting in each other’s way', async () => {
  for (let round = 0; round < 10; round++) {
    const prefix = scene.prefix()
    const connections = await Promise.all([0, 1, 2, 3].map(n => connected(prefix, {}, `plant-${n}`)))
    await apply(connections[0]!, batchOf(many(500)))
    await Promise.all(connections.map(connection => connection.settle()))
    for (const connection of connections) await connection.close()
    const statement = 'select indexname from pg_indexes where tablename in ($1, $2) and indexname !~ $3 order by 1'
    expect(await scene.rows(statement, [`${prefix}elements`, `${prefix}relations`, '_pkey$'])).toEqual([
      { indexname: `${prefix}elements_owner_id` },
      { indexname: `${prefix}relations_to_id` },
    ])
  }
})
