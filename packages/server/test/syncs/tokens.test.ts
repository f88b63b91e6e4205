import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { startLarkSimulator } from '@hotwell/sandbox'
import { expect, onTestFinished, test } from 'vitest'
import { ask, start, temporaryFolder } from '../start.ts'
import { counted, syncCaller } from './plant-file.ts'

const appSecret = 'a-secret-of-the-app-that-nobody-may-see'

async function contacts(settings: { tokenLifeSeconds?: number; latencyMs?: number } = {}) {
  const lark = await startLarkSimulator({
    apps: [{ appId: 'cli_acme', appSecret, tenants: ['acme'] }],
    people: { departments: 30, users: 400 },
    ...settings,
  })
  onTestFinished(() => lark.close())
  const feishu = { use: 'hotwell/providers/feishu', baseUrl: lark.url, appId: 'cli_acme', appSecret }
  const target = join(await temporaryFolder(), 'people.db')
  const people = {
    source: { use: 'hotwell/sources/lark', tenant: 'acme', fetch: { token: 'feishu/tenant/acme' } },
    target: { use: 'hotwell/targets/sqlite', path: target },
  }
  return { lark, feishu, people, target }
}

test('a sync reads an API with the token that the server keeps hot, and nobody else acquires one', async () => {
  const { lark, feishu, people, target } = await contacts()
  const server = await start({ providers: { feishu }, syncs: { people } })
  const { token } = (await ask(server.url, '/api/v1/tokens/feishu/tenant/acme')).json
  const { post, until } = syncCaller(server.url)
  const done = await until((await post('syncs/people/runs')).json.id)
  expect(done).toMatchObject({ state: 'completed', counts: { failed: 0 } })
  const there = lark.people('acme')
  expect(counted(target, 'elements', "type = 'department'")).toBe(there.departments.length)
  expect(counted(target, 'elements', "type = 'user'")).toBe(there.users.length)
  expect(lark.authCalls).toHaveLength(1)
  const database = new DatabaseSync(target, { readOnly: true })
  const rows = JSON.stringify(
    ['elements', 'relations', 'hotwell_positions'].map(table => database.prepare(`select * from ${table}`).all()),
  )
  database.close()
  for (const secret of [token, appSecret]) expect(rows).not.toContain(secret)
})

test('a token that the API rejects while a sync reads is replaced, for everybody, and the run is complete', async () => {
  const { lark, feishu, people, target } = await contacts({ latencyMs: 15 })
  const server = await start({ providers: { feishu }, syncs: { people } })
  const { post, until, get } = syncCaller(server.url)
  const value = async () => (await ask(server.url, '/api/v1/tokens/feishu/tenant/acme')).json.token as string
  const first = await value()
  const { id } = (await post('syncs/people/runs')).json
  while ((await get(`runs/${id}`)).json.counts.total === 0) await new Promise(resolve => setTimeout(resolve, 10))
  expect(lark.revoke(first)).toBe(true)
  const done = await until(id)
  expect(done).toMatchObject({ state: 'completed', counts: { failed: 0 } })
  expect(counted(target, 'elements', "type = 'user'")).toBe(lark.people('acme').users.length)
  expect(await value()).not.toBe(first)
  expect(lark.authCalls).toHaveLength(2)
})

test('a token that cannot be acquired fails the run with its reason, and no secret is told', async () => {
  const { lark, feishu, people } = await contacts()
  lark.setSecret('cli_acme', 'another-secret')
  const server = await start({ providers: { feishu }, syncs: { people } })
  const { post, until } = syncCaller(server.url)
  const failed = await until((await post('syncs/people/runs')).json.id, 'failed')
  expect(failed.error).toMatchObject({ code: 'credentials_rejected', message: expect.stringMatching(/cli_acme/) })
  expect(JSON.stringify(failed)).not.toContain(appSecret)
})

test('a configuration in TypeScript may hold values: the thread reads the file itself', async () => {
  const { lark, target } = await contacts()
  const folder = await temporaryFolder()
  const from = (path: string) => new URL(`../../../hotwell/src/${path}`, import.meta.url).href
  await mkdir(folder, { recursive: true })
  await writeFile(
    join(folder, 'hotwell.config.ts'),
    `import { feishu } from '${from('tokens/providers/feishu.ts')}'
    import { memory } from '${from('tokens/stores/memory.ts')}'
    import { lark } from '${from('sync/sources/lark.ts')}'
    import { sqlite } from '${from('sync/targets/sqlite.ts')}'
    export default {
      port: 0, dataDir: 'data', history: false, store: memory(),
      providers: { feishu: feishu({ baseUrl: '${lark.url}', appId: 'cli_acme', appSecret: process.env.SECRET_OF_TEST ?? '${appSecret}' }) },
      syncs: {
        people: {
          source: ({ fetch }: { fetch(ref: string): typeof globalThis.fetch }) => lark({ fetch: fetch('feishu/tenant/acme'), tenant: 'acme' }),
          target: sqlite('${target}'),
          map: (record: any) => (record.type === 'department' ? record : undefined),
          tokens: ['feishu/tenant/acme'],
        },
        thief: {
          source: ({ fetch }: any) => lark({ fetch: fetch('feishu/tenant/globex'), tenant: 'globex' }),
          target: sqlite('${target}'),
          tokens: ['feishu/tenant/acme'],
        },
      },
    }`,
  )
  const { createServer: createHotwell } = await import('@hotwell/server')
  const logger = { debug() {}, info() {}, warn() {}, error() {} }
  const server = await createHotwell({ configFile: 'hotwell.config.ts', cwd: folder, environment: {}, logger })
  onTestFinished(() => server.close())
  const { post, until } = syncCaller(server.url)
  await until((await post('syncs/people/runs')).json.id)
  expect(counted(target, 'elements')).toBe(lark.people('acme').departments.length)
  const failed = await until((await post('syncs/thief/runs')).json.id, 'failed')
  expect(failed.error.message).toMatch(/has no token "feishu\/tenant\/globex".*there are feishu\/tenant\/acme/)
})

test('figures of syncs are among the metrics', async () => {
  const { feishu, people } = await contacts()
  const server = await start({ providers: { feishu }, syncs: { people } })
  const { post, until } = syncCaller(server.url)
  const { counts } = await until((await post('syncs/people/runs')).json.id)
  const { text } = await ask(server.url, '/metrics')
  expect(text).toMatch(new RegExp(`^hotwell_sync_\\w*records\\w*\\{[^}]*sync="people"[^}]*\\} ${counts.total}$`, 'm'))
  expect(text).toMatch(/^hotwell_sync_runs\w*\{.*sync="people".*completed.*\} 1$/m)
})

test('a token goes into requests as its provider wants it, and is replaced when its provider says that it is rejected', async () => {
  const folder = await temporaryFolder()
  await writeFile(
    join(folder, 'gatekeeper.mjs'),
    `let made = 0
    export function gatekeeper({ baseUrl }) {
      return {
        identity: 'gatekeeper', kinds: ['client'], baseUrls: [baseUrl],
        acquire: async () => ({ value: 'pass-' + ++made, expiresInSeconds: 3600 }),
        attach: (request, token) => new Request(request, { headers: { ...Object.fromEntries(request.headers), 'x-pass': token } }),
        rejects: ({ status, body }) => status === 200 && body?.error === 'stale pass',
      }
    }`,
  )
  const seen: string[] = []
  const api = createServer((request, response) => {
    seen.push(String(request.headers['x-pass']))
    const isStale = request.headers['x-pass'] === 'pass-1'
    const items = [{ id: 'a', type: 'pump', name: 'A', attributes: {} }]
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify(isStale ? { error: 'stale pass' } : { items }))
  })
  await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void api.close())
  const baseUrl = `http://127.0.0.1:${(api.address() as AddressInfo).port}/`
  const target = { use: 'hotwell/targets/sqlite', path: join(folder, 'a.db') }
  const list = { use: 'hotwell/sources/http', url: '/pumps', items: 'items', paging: { kind: 'none' } }
  const syncs = { pumps: { source: { ...list, fetch: { token: 'gate/client' } }, target } }
  const providers = { gate: { use: join(folder, 'gatekeeper.mjs'), baseUrl } }
  const server = await start({ providers, syncs })
  const { post, until } = syncCaller(server.url)
  const done = await until((await post('syncs/pumps/runs')).json.id)
  expect(done).toMatchObject({ state: 'completed', counts: { inserted: 1 } })
  expect([...new Set(seen)]).toEqual(['pass-1', 'pass-2'])
  expect((await ask(server.url, '/api/v1/tokens/gate/client')).json.token).toBe('pass-2')
})
