import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type PostgresDatabase, type PostgresService, startPostgres } from '../../../test/services/postgres.ts'
import { RunningHotwell, runHotwell } from './commands/run-hotwell.ts'
import { temporaryFolder } from './start.ts'
import { syncCaller, writePlant } from './syncs/plant-file.ts'

const secrets = ['a-password-that-nobody-may-see', 'another-one-that-is-wrong']
// biome-ignore lint/suspicious/noTemplateCurlyInString: as a configuration names a variable of the environment
const placeholder = '${TARGET_URL}'
const role = `copier_${process.pid}`
let service: PostgresService
let database: PostgresDatabase
let pool: pg.Pool

beforeAll(async () => {
  service = await startPostgres()
  database = await service.database()
  pool = new pg.Pool({ connectionString: database.connectionString, max: 2 })
  pool.on('error', () => {})
  pool.on('error', () => {})
  await pool.query(`create role ${role} login password '${secrets[0]}'`)
  await pool.query(`grant usage, create on schema public to ${role}`)
}, 600_000)

afterAll(async () => {
  await pool?.query(`drop owned by ${role}; drop role ${role}`)
  await pool?.end()
  await database?.drop()
  await service?.stop()
})

function addressOf(password: string): string {
  const url = new URL(database.connectionString)
  url.username = role
  url.password = password
  return url.href
}

const counted = async (table: string, where = 'true') =>
  Number((await pool.query(`select count(*) as count from ${table} where ${where}`)).rows[0].count)

/** A folder with a configuration, and how servers are started on it. */
async function scene(syncs: Record<string, object>) {
  const folder = await temporaryFolder()
  const patience = { retries: 1, firstMs: 10, pausedMs: 10, giveUpMs: 300 }
  const whole = Object.entries(syncs).map(([name, settings]) => [
    name,
    {
      source: { use: 'hotwell/sources/jsonl', path: 'plant.jsonl' },
      target: { use: 'hotwell/targets/postgres', connectionString: placeholder, prefix: `${name}_` },
      strategy: { batchSize: 100, patience },
      ...settings,
    },
  ])
  const config = { port: 0, logLevel: 'debug', syncs: Object.fromEntries(whole) }
  await writeFile(join(folder, 'hotwell.config.json'), JSON.stringify(config))
  const environment = { TARGET_URL: addressOf(secrets[0]!) }
  const serve = async (data = 'data') => {
    const hotwell = new RunningHotwell(['serve', '--no-watch', '--data', data], { cwd: folder, environment })
    const [, url] = await hotwell.says(/"url":"(http:[^"]+)"/)
    const sync = (...args: string[]) =>
      runHotwell(['sync', ...args], { cwd: folder, environment: { HOTWELL_URL: url! } })
    return { hotwell, url: url!, sync, ...syncCaller(url!) }
  }
  return { folder, path: join(folder, 'plant.jsonl'), serve }
}

test('a sync into PostgreSQL is run over HTTP and by the command line; its password is in no answer, log, event or file', async () => {
  const refused = { use: 'hotwell/targets/postgres', connectionString: `postgresql://u:${secrets[1]}@127.0.0.1:1/db` }
  const nothing = new URL(addressOf(secrets[1]!))
  nothing.pathname = '/no_such_database'
  const { folder, path, serve } = await scene({
    plant: {},
    away: { target: refused },
    nowhere: { target: { ...refused, connectionString: nothing.href } },
  })
  await writePlant(path, 500)
  await writeFile(path, '{"id":"typeless","attributes":7}\nno record at all\n', { flag: 'a' })
  const { hotwell, url, sync, get, post, until } = await serve()
  const events = new AbortController()
  onTestFinished(() => events.abort())
  let told = ''
  void fetch(`${url}/api/v1/events`, { signal: events.signal })
    .then(async reply => {
      for await (const part of reply.body!) told += Buffer.from(part).toString()
    })
    .catch(() => {})

  const done = await until((await post('syncs/plant/runs')).json.id)
  expect(done).toMatchObject({ state: 'completed', counts: { total: 1001, inserted: 999, failed: 2 } })
  expect([await counted('plant_elements'), await counted('plant_relations')]).toEqual([500, 499])
  const again = await sync('run', 'plant', '--json')
  expect(again).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(again.stdout)).toMatchObject({ state: 'completed', counts: { unchanged: 999, failed: 2 } })
  expect(await sync('verify', 'plant')).toMatchObject({ code: 0, stdout: expect.stringContaining('They are equal.') })
  const letters = (await get('syncs/plant/dead-letters')).json.deadLetters
  expect(letters.map(({ key }: { key: string }) => key)).toEqual(['typeless', 'line 1001'])

  const failures = [await sync('run', 'away'), await sync('run', 'nowhere', '--json')]
  expect(failures).toMatchObject([{ code: 1 }, { code: 1 }])
  expect(failures[0]!.stdout).toMatch(/ECONNREFUSED 127\.0\.0\.1:1\. \(target_unavailable\)/)
  expect(JSON.parse(failures[1]!.stdout).error).toMatchObject({
    code: 'target_unavailable',
    message: expect.stringContaining('"no_such_database" does not exist'),
  })
  const paths = ['syncs', 'syncs/plant', 'syncs/away/runs', 'syncs/away/dead-letters', 'syncs/nowhere/dead-letters']
  const answers = await Promise.all(paths.map(async one => (await get(one)).text))
  const more = await Promise.all(['/metrics', '/openapi.json', '/'].map(async one => (await fetch(url + one)).text()))
  const checked = await runHotwell(['config', 'check'], {
    cwd: folder,
    environment: { TARGET_URL: addressOf(secrets[0]!) },
  })
  expect(checked.code).toBe(0)
  expect(await hotwell.stop()).toBe(0)

  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(
    file => file.isFile() && file.name !== 'hotwell.config.json',
  )
  const kept = await Promise.all(files.map(file => readFile(join(file.parentPath, file.name), 'latin1')))
  const { rows } = await pool.query('select string_agg(saved, chr(10)) as positions from plant_hotwell_positions')
  const outputs = [hotwell.stdout, hotwell.stderr, told, ...answers, ...more, ...kept, rows[0].positions]
  const commands = [again, checked, ...failures].flatMap(({ stdout, stderr }) => [stdout, stderr])
  expect(kept.length).toBeGreaterThan(1)
  for (const text of [...outputs, ...commands]) for (const secret of secrets) expect(text).not.toContain(secret)
})

test('two servers with data folders of their own: a run of the second takes over from that of the first, which says so and writes nothing more', async () => {
  const { path, serve } = await scene({ twice: {} })
  const count = 6000
  await writePlant(path, count)
  const [first, second] = [await serve(), await serve('other-data')]
  const older = (await first.post('syncs/twice/runs')).json
  for (;;) {
    const { state, counts } = (await first.get(`runs/${older.id}`)).json
    expect(state).not.toBe('completed')
    if (counts.inserted > 0) break
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await first.post(`runs/${older.id}/pause`)
  const newer = JSON.parse((await second.sync('run', 'twice', '--json')).stdout)
  expect(newer).toMatchObject({ state: 'completed', counts: { total: 2 * count - 1, failed: 0 } })
  expect(await first.post(`runs/${older.id}/resume`)).toMatchObject({ status: 200 })
  expect(await first.until(older.id, 'failed')).toMatchObject({
    error: { code: 'superseded', message: expect.stringContaining('taken over by another process') },
  })
  expect([await counted('twice_elements'), await counted('twice_relations')]).toEqual([count, count - 1])
  const told = await first.sync('status', 'twice')
  expect(told.stdout).toMatch(/failed .*taken over by another process/)
  for (const server of [first, second]) expect(await server.hotwell.stop()).toBe(0)
})
