import { existsSync } from 'node:fs'
import { appendFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createServer, generateKey, type HotwellConfig, hashKey } from '@hotwell/server'
import { custom } from 'hotwell/providers/custom'
import { expect, onTestFinished, test } from 'vitest'
import { ask, start, temporaryFolder } from '../start.ts'
import { counted, syncCaller, unit, writePlant } from './plant-file.ts'
import { writeSteps } from './step-source.ts'

/** A server with a sync of a file of so many elements into SQLite. */
async function plantServer(count: number, settings: object = {}, config: HotwellConfig = {}) {
  const folder = await temporaryFolder()
  const [path, target] = [join(folder, 'plant.jsonl'), join(folder, 'plant.db')]
  await writePlant(path, count)
  const plant = {
    source: { use: 'hotwell/sources/jsonl', path },
    target: { use: 'hotwell/targets/sqlite', path: target },
    ...settings,
  }
  const server = await start({ ...config, syncs: { plant, ...config.syncs } })
  return { server, folder, path, target, ...syncCaller(server.url) }
}

async function stepServer(config: HotwellConfig = {}, settings: object = {}) {
  const folder = await temporaryFolder()
  const { use, path, step } = await writeSteps(folder)
  const target = join(folder, 'steps.db')
  const steps = { source: { use, path }, target: { use: 'hotwell/targets/sqlite', path: target }, ...settings }
  const configured = { ...config, syncs: { steps: { ...steps, strategy: { batchSize: 1, patience: { retries: 0 } } } } }
  const dataDir = join(folder, 'data')
  const begin = () => start({ ...configured, dataDir })
  const server = await begin()
  const end = () => appendFile(path, '.')
  const fail = () => appendFile(path, '!')
  const written = () => counted(target, 'elements')
  return { server, begin, step, end, fail, written, path, ...syncCaller(server.url) }
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const until = Date.now() + 20_000
  while (Date.now() < until) {
    try {
      if (await holds()) return
    } catch {
      // It is not there yet.
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error(`It never came true: ${holds}`)
}

test('a run is started over HTTP, copies everything in a thread of its own, and is remembered', async () => {
  const { post, get, until, target } = await plantServer(3000)
  const begun = await post('syncs/plant/runs')
  expect(begun).toMatchObject({ status: 202, json: { sync: 'plant', kind: 'run', trigger: 'request' } })
  expect(begun.headers.location).toBe(`/api/v1/runs/${begun.json.id}`)
  const done = await until(begun.json.id)
  expect(done).toMatchObject({
    ...{ state: 'completed', mode: 'full', share: 1, error: null, interruptions: 0 },
    counts: { total: 5999, inserted: 5999, updated: 0, failed: 0 },
  })
  expect([counted(target, 'elements'), counted(target, 'relations')]).toEqual([3000, 2999])
  expect(Date.parse(done.finishedAt)).toBeGreaterThanOrEqual(Date.parse(done.startedAt))
  const { json } = await get('syncs')
  expect(json.syncs).toMatchObject([{ name: 'plant', running: null, last: { id: done.id, state: 'completed' } }])

  const again = await until((await post('syncs/plant/runs', {})).json.id)
  expect(again.counts).toMatchObject({ inserted: 0, updated: 0, unchanged: 5999 })
  const first = (await get('syncs/plant/runs?limit=1')).json
  expect(first.runs).toMatchObject([{ id: again.id }])
  const second = (await get(`syncs/plant/runs?limit=1&cursor=${first.nextCursor}`)).json
  expect(second).toMatchObject({ runs: [{ id: done.id }], nextCursor: null })
})

test('a part is copied on demand: some elements, or what an element owns', async () => {
  const { post, until, target, path } = await plantServer(200)
  await appendFile(
    path,
    `${JSON.stringify({ id: 'child', type: 'pump', name: 'A child', ownerId: unit(7), attributes: {} })}\n`,
  )
  const some = await until((await post('syncs/plant/runs', { part: { elements: [unit(1), unit(2)] } })).json.id)
  expect(some).toMatchObject({ state: 'completed', mode: 'part', part: { elements: [unit(1), unit(2)] } })
  expect(counted(target, 'elements')).toBe(2)
  await until((await post('syncs/plant/runs', { part: { subtree: unit(7), depth: 1 } })).json.id)
  expect(counted(target, 'elements', `id in ('child', '${unit(7)}')`)).toBe(2)
  expect(counted(target, 'elements')).toBe(4)
  for (const body of [
    { part: { elements: [] } },
    { part: { subtree: unit(7), depth: 0 } },
    { part: { only: 'names' } },
    { part: { elements: ['a'] }, mode: 'full' },
    { mode: 'half' },
    { deletes: true },
  ])
    expect(await post('syncs/plant/runs', body), JSON.stringify(body)).toMatchObject({
      status: 400,
      json: { code: 'invalid_request' },
    })
})

test('what is no record lies in the dead letters, with the reason', async () => {
  const { post, get, until, path } = await plantServer(3)
  await appendFile(path, '{"id": "broken\n{"id":"typeless","type":"pump","name":"x","attributes":7}\n')
  const done = await until((await post('syncs/plant/runs')).json.id)
  expect(done).toMatchObject({ state: 'completed', counts: { failed: 2 } })
  const { json } = await get('syncs/plant/dead-letters')
  expect(json.deadLetters).toMatchObject([
    { kind: 'element', key: 'typeless', reason: expect.stringMatching(/attributes/) },
    { kind: 'unreadable', key: 'line 6', record: '{"id": "broken' },
  ])
  expect((await get('syncs/plant/dead-letters?limit=1')).json).toMatchObject({
    deadLetters: [{ key: 'typeless' }],
    hasMore: true,
  })
})

test('a comparison tells what differs, changes nothing unasked, and puts it right when asked to', async () => {
  const { post, until, target, path } = await plantServer(50)
  await until((await post('syncs/plant/runs')).json.id)
  await writePlant(path, 52)
  const found = await until((await post('syncs/plant/verify')).json.id)
  expect(found).toMatchObject({
    kind: 'verify',
    state: 'completed',
    verification: { equal: false, missing: 4, extra: 0, repaired: 0 },
  })
  expect(found.verification.differences).toContainEqual({ kind: 'element', key: unit(50), what: 'missing' })
  expect(counted(target, 'elements')).toBe(50)
  const repaired = await until((await post('syncs/plant/verify', { repair: true, listed: 1 })).json.id)
  expect(repaired).toMatchObject({ repair: true, verification: { repaired: 4 } })
  expect(repaired.verification.differences).toHaveLength(1)
  expect(counted(target, 'elements')).toBe(52)
  expect((await until((await post('syncs/plant/verify')).json.id)).verification).toMatchObject({ equal: true })
})

test('deletes that are too many to be believed fail the run, unless they are allowed', async () => {
  const { post, until, target, path } = await plantServer(500)
  await until((await post('syncs/plant/runs')).json.id)
  await writePlant(path, 100)
  const { id } = (await post('syncs/plant/runs')).json
  const refused = await until(id, 'failed')
  expect(refused.error).toMatchObject({
    code: 'deletes_refused',
    message: expect.stringMatching(/Nothing was deleted/),
  })
  expect(counted(target, 'elements')).toBe(500)
  await until((await post('syncs/plant/runs', { allowDeletes: true })).json.id)
  expect(counted(target, 'elements')).toBe(100)
})

test('a run that is paused reads nothing more, and goes on where it was', async () => {
  const { post, get, until, step, end, written } = await stepServer()
  const { id } = (await post('syncs/steps/runs')).json
  await step()
  await eventually(() => written() === 1)
  expect(await post(`runs/${id}/pause`)).toMatchObject({ status: 200, json: { state: 'paused' } })
  await step()
  await step()
  const other = await post('syncs/steps/runs')
  expect(other).toMatchObject({ status: 409, json: { code: 'conflict', detail: expect.stringContaining(id) } })
  expect((await get(`runs/${id}`)).json.state).toBe('paused')
  // One page was asked for before.
  expect(written()).toBeLessThan(3)
  expect(await post(`runs/${id}/resume`)).toMatchObject({ status: 200, json: { state: 'running' } })
  await end()
  expect(await until(id)).toMatchObject({ state: 'completed', counts: { inserted: 4 } })
  for (const action of ['pause', 'resume', 'cancel', 'retry'])
    expect(await post(`runs/${id}/${action}`), action).toMatchObject({ status: 409, json: { code: 'conflict' } })
})

test('a run that is cancelled, also while it is paused, keeps what it wrote, and the next one goes on from there', async () => {
  const { post, until, step, end, written } = await stepServer()
  const { id } = (await post('syncs/steps/runs')).json
  await step()
  await eventually(() => written() === 1)
  await post(`runs/${id}/pause`)
  expect(await post(`runs/${id}/cancel`)).toMatchObject({ status: 200, json: { state: 'cancelled' } })
  await step()
  await end()
  const retried = (await post(`runs/${id}/retry`)).json
  expect(retried).toMatchObject({ trigger: 'retry', retryOf: id })
  const done = await until(retried.id)
  expect(done).toMatchObject({ state: 'completed', counts: { total: 3, inserted: 3 } })
  expect(written()).toBe(3)
})

test('a run that fails says why, and is tried again from where it was', async () => {
  const { post, until, step, fail, end, written, path } = await stepServer()
  const { id } = (await post('syncs/steps/runs')).json
  await step()
  await fail()
  const failed = await until(id, 'failed')
  expect(failed.error).toEqual({ code: 'run_failed', message: 'the steps are broken', retryable: false })
  await writeFile(path, 'x')
  await step()
  await end()
  const retried = await post(`runs/${id}/retry`)
  expect(await until(retried.json.id)).toMatchObject({ state: 'completed' })
  expect(written()).toBe(3)
})

test('a server that ends leaves its run to the next one, which goes on with it; a paused one stays paused', async () => {
  const { server, begin, post, step, end, written } = await stepServer()
  const { id } = (await post('syncs/steps/runs')).json
  await step()
  await eventually(() => written() === 1)
  await server.close()
  const second = await begin()
  const next = syncCaller(second.url)
  await step()
  await eventually(() => written() === 2)
  expect((await next.get(`runs/${id}`)).json).toMatchObject({ state: 'running', interruptions: 1 })
  await next.post(`runs/${id}/pause`)
  await second.close()
  const last = syncCaller((await begin()).url)
  expect((await last.get(`runs/${id}`)).json).toMatchObject({ state: 'paused', interruptions: 1 })
  await end()
  await last.post(`runs/${id}/resume`)
  expect(await last.until(id)).toMatchObject({ state: 'completed', counts: { total: 3, inserted: 3 } })
  expect((await last.get('syncs/steps/runs')).json.runs).toHaveLength(1)
})

test('a sync with an interval runs by itself, again and again, and never beside itself', async () => {
  const { get, path, target } = await plantServer(5, { intervalSeconds: 1 })
  await eventually(async () => (await get('syncs/plant')).json.last?.state === 'completed')
  expect(counted(target, 'elements')).toBe(5)
  await writePlant(path, 7)
  await eventually(() => counted(target, 'elements') === 7)
  const { runs } = (await get('syncs/plant/runs')).json
  expect(runs.every(({ trigger }: { trigger: string }) => trigger === 'interval')).toBe(true)
  const begins = runs.map(({ createdAt }: { createdAt: string }) => Date.parse(createdAt))
  for (const [index, at] of begins.slice(1).entries()) expect(begins[index] - at).toBeGreaterThanOrEqual(990)
  expect(Date.parse((await get('syncs/plant')).json.nextAt)).toBeGreaterThanOrEqual(begins[0] + 990)
})

test('tokens are served while a sync runs at full speed', async () => {
  const crm = custom({ kinds: ['client'], acquire: async () => ({ value: 'a-token', expiresInSeconds: 3600 }) })
  const { server, post, get } = await plantServer(60_000, {}, { providers: { crm } })
  const { id } = (await post('syncs/plant/runs')).json
  let served = 0
  for (;;) {
    const { state } = (await get(`runs/${id}`)).json
    expect((await ask(server.url, '/api/v1/tokens/crm/client')).json.token).toBe('a-token')
    if (state === 'running') served++
    if (state === 'completed') break
    expect(['pending', 'running']).toContain(state)
    // So that the limit of requests a minute is not met.
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  expect(served).toBeGreaterThan(3)
})

test('a key sees and runs the syncs that its patterns cover, and hears of no others', async () => {
  const [narrow, lister, all] = [generateKey(), generateKey(), generateKey()]
  const keys: HotwellConfig['keys'] = [
    { name: 'narrow', sha256: hashKey(narrow), refs: ['syncs/other'], actions: ['admin'] },
    { name: 'lister', sha256: hashKey(lister), refs: ['syncs/*'], actions: ['list'] },
    { name: 'all', sha256: hashKey(all), actions: ['admin'] },
  ]
  const { server } = await plantServer(2, {}, { keys })
  const as = (key: string) => syncCaller(server.url, { authorization: `Bearer ${key}` })
  const { id } = (await as(all).post('syncs/plant/runs')).json
  await as(all).until(id)
  expect((await as(narrow).get('syncs')).json).toEqual({ syncs: [] })
  for (const path of ['syncs/plant', 'syncs/plant/runs', 'syncs/plant/dead-letters'])
    expect(await as(narrow).get(path), path).toMatchObject({ status: 403, json: { code: 'forbidden' } })
  expect(await as(narrow).get(`runs/${id}`)).toMatchObject({ status: 404 })
  expect(await as(narrow).post(`runs/${id}/retry`)).toMatchObject({ status: 404 })
  expect((await as(lister).get('syncs')).json.syncs).toHaveLength(1)
  expect((await as(lister).get(`runs/${id}`)).status).toBe(200)
  for (const path of ['syncs/plant/runs', 'syncs/plant/verify', `runs/${id}/retry`])
    expect(await as(lister).post(path), path).toMatchObject({ status: 403 })
  expect((await as(lister).get('syncs/plant/dead-letters')).status).toBe(403)
  expect((await ask(server.url, '/api/v1/syncs')).status).toBe(401)
})

test('what is not there is told with what is', async () => {
  const { get, post } = await plantServer(1)
  const nothing = { status: 404, json: { code: 'not_found', detail: expect.stringContaining('there are plant') } }
  expect(await get('syncs/plnat')).toMatchObject(nothing)
  expect(await get('syncs/plnat/runs')).toMatchObject(nothing)
  expect(await post('syncs/plnat/runs')).toMatchObject(nothing)
  expect(await get('runs/nothing')).toMatchObject({ status: 404 })
  expect(await get('syncs/plant/runs?cursor=x')).toMatchObject({
    status: 400,
    json: { detail: expect.stringMatching(/cursor/) },
  })
})

test('a thread whose source does not listen is cut off, and the next run finds the target free', async () => {
  const folder = await temporaryFolder()
  const use = join(folder, 'deaf.mjs')
  await writeFile(
    use,
    `import { existsSync } from 'node:fs'
    export function deaf(path) {
      return { name: 'deaf', identity: path, consistency: 'snapshot', order: 'none', cursors: 'durable', async *read() {
        yield { records: [{ id: 'a', type: 'a', name: 'A', attributes: {} }], position: '1' }
        while (!existsSync(path)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
      } }
    }`,
  )
  const target = { use: 'hotwell/targets/sqlite', path: join(folder, 'a.db') }
  const deaf = { source: { use, path: join(folder, 'end') }, target }
  const { url } = await start({ syncs: { deaf } })
  const { post, until } = syncCaller(url)
  const { id } = (await post('syncs/deaf/runs')).json
  await until(id, 'running')
  // It takes its time to load.
  await eventually(() => existsSync(target.path))
  expect(await post(`runs/${id}/cancel`)).toMatchObject({ status: 200, json: { state: 'cancelled' } })
  await writeFile(deaf.source.path, '')
  expect(await until((await post(`runs/${id}/retry`)).json.id)).toMatchObject({ state: 'completed' })
})

test('a changed configuration brings other syncs; one that cannot be is refused, and the old ones stay', async () => {
  const cwd = await temporaryFolder()
  await writePlant(join(cwd, 'plant.jsonl'), 2)
  const plant = {
    source: { use: 'hotwell/sources/jsonl', path: 'plant.jsonl' },
    target: { use: 'hotwell/targets/sqlite', path: 'a.db' },
  }
  const write = (syncs: object) =>
    writeFile(join(cwd, 'hotwell.config.json'), JSON.stringify({ port: 0, history: false, dataDir: 'data', syncs }))
  await write({ plant })
  const logger = { debug() {}, info() {}, warn() {}, error() {} }
  const server = await createServer({ cwd, environment: {}, logger })
  onTestFinished(() => server.close())
  const { post, until, get } = syncCaller(server.url)
  const names = async () => (await get('syncs')).json.syncs.map(({ name }: { name: string }) => name)
  await write({ other: { ...plant, source: { ...plant.source, use: 'hotwell/sources/none' } } })
  expect(await server.reload()).toBe(false)
  expect(await names()).toEqual(['plant'])
  await write({
    plant: { ...plant, target: { ...plant.target, path: 'b.db' } },
    twin: { ...plant, intervalSeconds: 3600 },
  })
  expect(await server.reload()).toBe(true)
  expect(await names()).toEqual(['plant', 'twin'])
  await until((await post('syncs/plant/runs')).json.id)
  expect(counted(join(cwd, 'b.db'), 'elements')).toBe(2)
  await eventually(async () => (await get('syncs/twin')).json.last?.state === 'completed')
})

test('a server without syncs makes no file of runs', async () => {
  const dataDir = await temporaryFolder()
  const server = await start({ dataDir })
  expect((await syncCaller(server.url).get('syncs')).json).toEqual({ syncs: [] })
  expect(await readdir(dataDir)).not.toContain('runs.db')
})
