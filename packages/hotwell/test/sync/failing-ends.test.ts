import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { createSync, type Sync } from '../../src/sync/create-sync.ts'
import { jsonl } from '../../src/sync/sources/jsonl.ts'
import { postgres as postgresSource } from '../../src/sync/sources/postgres.ts'
import { type PostgresTargetOptions, postgres } from '../../src/sync/targets/postgres.ts'
import { element, ListSource, relation } from './list-source.ts'
import { postgresScene } from './postgres-scene.ts'

const scene = postgresScene()
const patience = { retries: 1, firstMs: 5, pausedMs: 20, giveUpMs: 30_000 }
const many = (count: number, value: unknown = 1) =>
  Array.from({ length: count }, (_, n) => element(`e${1000 + n}`, value))

function syncOf(records: unknown[], options: Partial<PostgresTargetOptions> & { prefix: string }) {
  const address = 'connectionString' in options ? {} : { pool: scene.pool }
  const source = new ListSource(records)
  const target = postgres({ ...address, lanes: 1, ...options } as PostgresTargetOptions)
  const sync = createSync({ name: 'plant', source, target, strategy: { batchSize: 10, patience } })
  onTestFinished(() => sync.close())
  return { sync, source }
}

/** The message with which a run waits. */
function waiting(sync: Sync): Promise<string> {
  return new Promise(resolve => sync.on('run.waiting', ({ message }) => resolve(message)))
}

const dead = async (prefix: string) =>
  (
    await scene.rows<{ key: string; reason: string }>(
      `select key, reason from ${prefix}hotwell_dead_letters order by key`,
    )
  ).map(({ key, reason }) => `${key}: ${reason}`)

const idsIn = async (prefix: string) =>
  (await scene.rows<{ id: string }>(`select id from ${prefix}elements order by id`)).map(({ id }) => id)

/** A role of its own, and the address by which it comes. */
async function roleOf(name: string): Promise<string> {
  const role = `${name}_${process.pid}_${Math.random().toString(36).slice(2, 8)}`
  await scene.pool.query(`create role ${role} login password 'a-password-nobody-may-see'`)
  onTestFinished(async () => {
    await scene.pool.query(`drop owned by ${role}`)
    await scene.pool.query(`drop role ${role}`)
  })
  return role
}

function addressFor(role: string, options?: string): string {
  const url = new URL(scene.connectionString)
  url.username = role
  url.password = 'a-password-nobody-may-see'
  if (options) url.searchParams.set('options', options)
  return url.href
}

const columns = {
  id: 'text collate "C" primary key',
  type: 'text not null',
  name: 'text not null',
  owner_id: 'text collate "C"',
  attributes: 'jsonb not null',
  modified_at: 'timestamptz',
  origin: 'text not null',
  hash: 'text not null',
}

async function makeElements(prefix: string, changed: Record<string, string>): Promise<void> {
  const list = Object.entries({ ...columns, ...changed }).map(([name, type]) => `${name} ${type}`)
  await scene.pool.query(`create table ${prefix}elements (${list.join(', ')})`)
}

test('a table whose columns would refuse each row, or take it for something else, is refused before anything is read', async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ attributes: 'json not null' }, /elements\.attributes is json, and has to be jsonb/],
    [{ attributes: 'text not null' }, /elements\.attributes is text, and has to be jsonb/],
    [{ id: 'uuid primary key' }, /elements\.id is uuid, and has to be text/],
    [{ modified_at: 'bigint' }, /elements\.modified_at is bigint, and has to be timestamp with time zone/],
    [{ modified_at: 'timestamp' }, /elements\.modified_at is timestamp without time zone/],
    [{ tenant: 'text not null' }, /elements\.tenant is not null and has no default/],
    [{ owner_id: `text collate "C" not null default ''` }, /elements\.owner_id is not null, and not every row has one/],
    [{ owner_id: 'text collate "C" not null' }, /elements\.owner_id is not null, and not every row has one/],
    [{ id: 'text collate "C"' }, /elements has no primary key \(id\)/],
    [{ id: 'text collate "C"', type: 'text not null', x: 'int, unique (id, type)' }, /has no primary key \(id\)/],
    [{ id: 'text primary key' }, /elements\.id has another collation/],
    [Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map(n => [`c${n}`, 'text not null'])), /c5 is not null .*; and 2 more/],
  ]
  for (const [changed, message] of cases) {
    const prefix = scene.prefix()
    await makeElements(prefix, changed)
    const { sync, source } = syncOf(many(3), { prefix })
    await expect(sync.run(), `${message}`).rejects.toMatchObject({
      code: 'invalid_configuration',
      retryable: false,
      message: expect.stringMatching(message),
    })
    expect(source.requests).toEqual([])
    expect(await idsIn(prefix)).toEqual([])
  }
  const prefix = scene.prefix()
  await scene.pool.query(`create table ${prefix}relations (from_id text, type text, to_id text)`)
  await expect(syncOf(many(1), { prefix }).sync.run()).rejects.toMatchObject({
    code: 'invalid_configuration',
    message: expect.stringMatching(/relations\.origin is missing, and has to be text/),
  })
  await scene.pool.query(`alter table ${prefix}relations add column origin text`)
  await expect(syncOf(many(1), { prefix }).sync.run()).rejects.toMatchObject({
    message: expect.stringMatching(/relations has no primary key \(from_id, type, to_id\)/),
  })
})

test('columns of one’s own that fill themselves, and shorter texts, are no hindrance', async () => {
  const prefix = scene.prefix()
  await scene.pool.query(`create domain ${prefix}label as text check (value <> 'E1001')`)
  await makeElements(prefix, {
    id: 'varchar(200) collate "C"',
    name: `${prefix}label not null`,
    hash: 'varchar(22) not null',
    number: 'bigint generated always as identity',
    label: `text generated always as (type || ' ' || id) stored`,
    tenant: `text not null default 'acme'`,
    note: 'text, primary key (id) include (hash)',
  })
  const { sync, source } = syncOf([...many(3), element('long'.repeat(60))], { prefix })
  expect(await sync.run()).toMatchObject({ inserted: 2, failed: 2 })
  source.records = many(3, 2)
  expect(await sync.run()).toMatchObject({ updated: 2, failed: 1 })
  expect(await scene.rows(`select label, tenant from ${prefix}elements where id = 'e1002'`)).toEqual([
    { label: 'pump e1002', tenant: 'acme' },
  ])
})

test('an index of one’s own that refuses rows costs these rows, whether they come together or apart', async () => {
  const prefix = scene.prefix()
  await makeElements(prefix, { name: 'text not null unique' })
  const twins = [element('twin1', 1, { name: 'Twin' }), ...many(15), element('twin2', 1, { name: 'Twin' })]
  const { sync, source } = syncOf([...twins, relation('twin1', 'twin2')], { prefix })
  for (let run = 0; run < 2; run++) {
    expect(await sync.run()).toMatchObject({ state: 'completed', failed: 1, deleted: 0 })
    expect(await dead(prefix)).toEqual([expect.stringMatching(/^twin2: .*duplicate key .*SQLSTATE 23505/)])
  }
  source.records = [element('twin1', 1, { name: 'Single' }), ...twins.slice(1), relation('twin1', 'twin2')]
  expect(await sync.run()).toMatchObject({ inserted: 1, updated: 1, failed: 0 })
  expect((await scene.graph(prefix, 'plant')).relations).toEqual(['twin1\0feeds\0twin2'])
})

test('what jsonb does not take is a dead letter; a number of 200,000 digits loses none of them', async () => {
  const prefix = scene.prefix()
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-failing-ends-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const digits = '7'.repeat(200_000)
  const path = join(folder, 'plant.jsonl')
  writeFileSync(
    path,
    [
      '{"id":"nul","attributes":{"text":"a\\u0000b"}}',
      '{"id":"nul in a name","attributes":{"a\\u0000b":1}}',
      '{"id":"half","attributes":{"deep":[{"text":"\\ud83d"}]}}',
      `{"id":"digits","attributes":{"number":${digits},"large":1e400,"exact":-1.5e-300}}`,
      '{"id":"good","attributes":{"text":"\\\\u0000 is a text"}}',
      '{"from":"good","type":"feeds","to":"nul"}',
    ].join('\n'),
  )
  const target = postgres({ pool: scene.pool, prefix })
  const sync = createSync({ name: 'plant', source: jsonl(path), target, strategy: { patience } })
  onTestFinished(() => sync.close())
  for (let run = 0; run < 2; run++)
    expect(await sync.run()).toMatchObject({ state: 'completed', failed: 3, deleted: 0 })
  expect(await dead(prefix)).toEqual([
    expect.stringMatching(/^half: .*SQLSTATE 22P02/),
    expect.stringMatching(/^nul: .*SQLSTATE 22P05/),
    expect.stringMatching(/^nul in a name: .*SQLSTATE 22P05/),
  ])
  const [row] = await scene.rows<{ attributes: object }>(`select attributes from ${prefix}elements where id = 'digits'`)
  expect(row!.attributes).toEqual({ number: digits, large: '1e400', exact: -1.5e-300 })
  expect((await scene.graph(prefix, 'plant')).pending).toEqual(['good\0feeds\0nul'])
})

test('roles: who may not read or make tables is told at once, and not tried again; who may only write rows is enough', async () => {
  const prefix = scene.prefix()
  const [nobody, reader, writer] = [await roleOf('nobody'), await roleOf('reader'), await roleOf('writer')]
  const refused = (role: string) => syncOf(many(3), { prefix, connectionString: addressFor(role) }).sync.run()
  const denied = {
    code: 'target_unavailable',
    retryable: false,
    message: expect.stringMatching(/permission denied.*42501/),
  }
  await expect(refused(nobody)).rejects.toMatchObject(denied)
  await (await postgres({ pool: scene.pool, prefix }).connect('plant')).close()
  const tables = await scene.rows<{ name: string }>(
    `select tablename as name from pg_tables where starts_with(tablename, '${prefix}')`,
  )
  const all = tables.map(({ name }) => name).join(', ')
  await scene.pool.query(`grant select on ${all} to ${reader}`)
  await scene.pool.query(`grant select, insert, update, delete on ${all} to ${writer}`)
  await expect(refused(reader)).rejects.toMatchObject(denied)
  expect(await idsIn(prefix)).toEqual([])
  const { sync, source } = syncOf([...many(3), relation('e1000', 'e1001')], {
    prefix,
    connectionString: addressFor(writer),
  })
  expect(await sync.run()).toMatchObject({ state: 'completed', inserted: 4 })
  source.records = many(2, 2)
  expect(await sync.run({ allowDeletes: true })).toMatchObject({ updated: 2, deleted: 2 })
})

test('a database that takes no changes is waited for; the run says why, and goes on when it does', async () => {
  const prefix = scene.prefix()
  const { sync, source } = syncOf(many(40), {
    prefix,
    connectionString: `${scene.connectionString}&application_name=${prefix}`,
  })
  const name = new URL(scene.connectionString).pathname.slice(1)
  const readOnly = async (is: boolean) => {
    await scene.pool.query(
      `alter database ${name} ${is ? 'set' : 'reset'} default_transaction_read_only ${is ? '= on' : ''}`,
    )
    await scene.pool.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      prefix,
    ])
  }
  source.beforePage = page => (page === 3 && source.requests.length === 1 ? readOnly(true) : undefined)
  const messages: string[] = []
  sync.on('run.waiting', ({ message }) => messages.push(message))
  const running = sync.run()
  await expect
    .poll(() => messages.some(message => /takes no changes.*25006/.test(message)), { timeout: 10_000 })
    .toBe(true)
  expect((await idsIn(prefix)).length).toBeLessThan(40)
  await readOnly(false)
  expect(await running).toMatchObject({ inserted: 40, failed: 0 })
})

test('a database that is full is waited for, and nothing of a batch is there before it is whole', async () => {
  const prefix = scene.prefix()
  const { sync } = syncOf(many(40), { prefix })
  await (await postgres({ pool: scene.pool, prefix }).connect('plant')).close()
  // What PostgreSQL says when it cannot extend a file, in the middle of a batch.
  await scene.pool.query(`create table ${prefix}disk (is_full boolean);
    create function ${prefix}full() returns trigger language plpgsql as $$ begin
      if new.id = 'e1025' and exists (select 1 from ${prefix}disk) then
        raise exception 'could not extend file: No space left on device' using errcode = '53100';
      end if;
      return new; end $$;
    create trigger full_disk before insert on ${prefix}elements for each row execute function ${prefix}full();
    insert into ${prefix}disk values (true)`)
  const told = waiting(sync)
  const running = sync.run()
  expect(await told).toMatch(/No space left on device.*53100/)
  expect(await idsIn(prefix)).toHaveLength(20)
  await scene.pool.query(`delete from ${prefix}disk`)
  expect(await running).toMatchObject({ inserted: 40, failed: 0 })
  expect(await dead(prefix)).toEqual([])
})

test('a server that is not there yet, has no room for one more, and ends in the middle, costs pauses and nothing else', async () => {
  const prefix = scene.prefix()
  const address = new URL(scene.connectionString)
  const folder = address.searchParams.get('host')
  const open = new Set<{ destroy(): void }>()
  // In front of the real one, at a port where nobody answers at first.
  const door = createServer(client => {
    const socket = folder
      ? connect(join(folder, `.s.PGSQL.${address.port || 5432}`))
      : connect(Number(address.port || 5432), address.hostname)
    for (const end of [client, socket]) {
      open.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        client.destroy()
        socket.destroy()
      })
    }
    client.pipe(socket).pipe(client)
  })
  const listen = (port: number) => new Promise<void>(resolve => door.listen(port, '127.0.0.1', resolve))
  const close = () =>
    new Promise(resolve => {
      door.close(resolve)
      for (const end of open) end.destroy()
    })
  await listen(0)
  const { port } = door.address() as AddressInfo
  await close()
  onTestFinished(() => close().then(() => {}))

  const role = await roleOf('guest')
  const url = new URL(addressFor(role))
  url.searchParams.delete('host')
  url.host = `127.0.0.1:${port}`
  await scene.pool.query(`alter role ${role} connection limit 0`)
  await scene.pool.query(`grant create, usage on schema public to ${role}`)
  const { sync, source } = syncOf(many(60), { prefix, connectionString: url.href })
  const messages: string[] = []
  sync.on('run.waiting', ({ message }) => messages.push(message))
  const said = (pattern: RegExp) =>
    expect
      .poll(() => messages.some(message => pattern.test(message)), { timeout: 10_000, message: `${pattern}` })
      .toBe(true)
  let isCut = false
  source.beforePage = async page => {
    if (page !== 4 || isCut) return
    isCut = true
    await close()
    setTimeout(() => void listen(port), 60)
  }
  const running = sync.run()
  await said(/does not answer: .*ECONNREFUSED/)
  await listen(port)
  await said(/too many connections.*53300/)
  await scene.pool.query(`alter role ${role} connection limit -1`)
  expect(await running).toMatchObject({ inserted: 60, failed: 0 })
  expect(isCut).toBe(true)
  expect(await idsIn(prefix)).toHaveLength(60)
  expect(messages.join()).not.toContain('a-password')
})

test('tables that were dropped under an interrupted run are filled from the start, and whoever still runs writes no more', async () => {
  for (const table of ['elements', 'relations', 'hotwell_seen', 'hotwell_pending']) {
    const prefix = scene.prefix()
    const { sync, source } = syncOf([...many(100), ...many(100).map(({ id }) => relation(id, 'e1000'))], { prefix })
    const ending = new AbortController()
    source.beforePage = page => (page === 15 ? ending.abort(new Error('enough')) : undefined)
    await expect(sync.run({ signal: ending.signal })).rejects.toThrow('enough')
    const running = await postgres({ pool: scene.pool, prefix }).connect('plant')
    await running.claim()
    await scene.pool.query(`drop table ${prefix}${table}`)
    source.beforePage = () => {}
    await sync.run()
    const { elements, relations } = await scene.graph(prefix, 'plant')
    expect([elements.length, relations.length], table).toEqual([100, 100])
    const late = running.transaction(0, transaction => transaction.save(0, 'late'))
    await expect(late).rejects.toMatchObject({ code: 'superseded' })
    await running.close()
  }
})

test('where the server has room for one client only, all lanes go through it', async () => {
  const prefix = scene.prefix()
  const role = await roleOf('single')
  await scene.pool.query(`alter role ${role} connection limit 1`)
  await scene.pool.query(`grant create, usage on schema public to ${role}`)
  const records = [...many(200), ...many(100).map(({ id }, n) => relation(id, `e${1199 - n}`))]
  const { sync } = syncOf(records, { prefix, connectionString: addressFor(role), lanes: 3 })
  expect(await sync.run()).toMatchObject({ state: 'completed', inserted: 300, failed: 0 })
  expect(await sync.verify()).toMatchObject({ equal: true })
})

test('a server that crashes and recovers in the middle of a run, again and again, loses and doubles nothing', async () => {
  const prefix = scene.prefix()
  const records = [...many(300), ...many(299).map(({ id }, n) => relation(id, `e${1001 + n}`))]
  const { sync, source } = syncOf(records, { prefix, connectionString: scene.connectionString, lanes: 2 })
  const crash = async () => {
    if (process.env.DATABASE_URL) {
      // Somebody else's server: its connections end, and it does not.
      await scene.pool.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
      )
      return
    }
    const victim = new pg.Client({ connectionString: scene.connectionString })
    victim.on('error', () => {})
    await victim.connect()
    // The death of one of its processes has all others end at once, and the server recover from its log.
    process.kill((victim as unknown as { processID: number }).processID, 'SIGKILL')
    await victim.end().catch(() => {})
  }
  let crashes = 0
  source.beforePage = async page => {
    if (page % 15 !== 0 || crashes >= 3) return
    crashes++
    await crash()
  }
  expect(await sync.run()).toMatchObject({ state: 'completed', inserted: 599, failed: 0 })
  expect(crashes).toBe(3)
  const { elements, relations, pending } = await scene.graph(prefix, 'plant')
  expect([elements.length, relations.length, pending.length]).toEqual([300, 299, 0])
  expect(await sync.verify()).toMatchObject({ equal: true })
}, 60_000)

test('an address that is none is refused when it is given, and what it says holds no password', async () => {
  const wrong = ['mysql://user:hidden@host/db', 'host=db password=hidden', '', 'localhost:5432']
  for (const connectionString of wrong)
    for (const make of [postgres, postgresSource]) {
      const error = (() => {
        try {
          make({ connectionString })
        } catch (error) {
          return error as Error
        }
      })()
      expect(error).toMatchObject({ code: 'invalid_configuration', message: expect.stringContaining('postgresql://') })
      expect(`${error!.message}`).not.toContain('hidden')
    }
  // @ts-expect-error It is misspelt, as in a file of JSON.
  expect(() => postgres({ connectionstring: 'postgresql://host/db' })).toThrow(/connectionstring/)
  const broken = syncOf(many(1), {
    prefix: scene.prefix(),
    connectionString: 'postgresql://user:p@hid:den@ho st:99999/x',
  })
  const error = await broken.sync.run().catch(error => error)
  expect(error).toMatchObject({ code: 'invalid_configuration', retryable: false })
  expect(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toMatch(/hid:den/)
})
