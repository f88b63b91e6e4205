import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ApiKeyAction, generateKey, type HotwellConfig, hashKey } from '@hotwell/server'
import { createAccounts } from 'hotwell/accounts'
import { custom } from 'hotwell/providers/custom'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ask, start, temporaryFolder } from '../start.ts'
import { startCourt } from './court.ts'

const accounts = '/api/v1/accounts'
const blacklist = '/api/v1/blacklist'
const password = 'a-password-that-nobody-may-see'

/** A server with two sites, whose logins are listed as `site/account:username:password`. */
async function sites(config: HotwellConfig = {}, environment: NodeJS.ProcessEnv = {}) {
  const logins: string[] = []
  const site = (name: string) =>
    custom({
      kinds: ['account', 'client'],
      acquire: async ({ credentials }) => {
        logins.push(`${name}/${credentials?.account}:${credentials?.username}:${credentials?.password}`)
        return { value: `token-${logins.length}`, expiresInSeconds: 3600 }
      },
    })
  const server = await start(
    { providers: { court: site('court'), shop: site('shop') }, preheat: false, ...config },
    { environment },
  )
  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    ask(server.url, path, {
      method,
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  const add = (account: string, site = 'court') => call('POST', accounts, { site, account, password })
  return { server, logins, call, add }
}

test('an account is added, logged in with, given another password, and removed with its token', async () => {
  const { server, call, logins } = await sites()
  const added = await call('POST', accounts, { site: 'court', account: 'zhang', username: '138', password })
  expect(added).toMatchObject({
    status: 201,
    headers: { location: `${accounts}/court/zhang` },
    json: { site: 'court', account: 'zhang', username: '138', state: 'available', bar: null, lastSuccessAt: null },
  })
  expect(await call('GET', added.headers.location!)).toMatchObject({ status: 200, json: added.json })
  const token = () => call('GET', '/api/v1/tokens/court/account/zhang')
  expect((await token()).json.token).toBe('token-1')
  const used = (await call('GET', accounts)).json.accounts[0]
  expect(used).toMatchObject({ successes: 1, failures: 0, successRate: 1, budget: { tries: 2, spent: 0 } })
  expect(new Date(used.lastSuccessAt).toISOString()).toBe(used.lastSuccessAt)

  const changed = await call('PATCH', `${accounts}/court/zhang`, { password: 'another' })
  expect(changed).toMatchObject({ status: 200, json: { account: 'zhang' } })
  expect(changed.json.credentialId).not.toBe(added.json.credentialId)
  await server.tokens.token('court/account/zhang').refresh()
  expect(logins).toEqual([`court/zhang:138:${password}`, 'court/zhang:138:another'])

  expect(await call('DELETE', `${accounts}/court/zhang`)).toMatchObject({ status: 204, text: '' })
  expect((await call('GET', accounts)).json).toEqual({ accounts: [] })
  expect((await call('GET', '/api/v1/tokens/court/account')).json.code).toBe('account_unavailable')
  // This provider would also log in without an account: the old token is not served any more.
  expect((await token()).json.token).toBe('token-3')
  expect(await call('DELETE', `${accounts}/court/zhang`)).toMatchObject({ status: 404, json: { code: 'not_found' } })
})

test('a barred account is not logged in with, is listed with the reason, and comes back', async () => {
  const { call, add, logins } = await sites()
  await add('zhang')
  await add('li')
  const before = Date.now()
  const barred = await call('PUT', `${blacklist}/court/zhang`, { reason: 'on leave', days: 7 })
  expect(barred).toMatchObject({ status: 200, json: { state: 'barred', bar: { cause: 'manual', reason: 'on leave' } } })
  const days = (Date.parse(barred.json.bar.until) - before) / 86_400_000
  expect(days).toBeCloseTo(7, 3)
  expect((await call('PUT', `${blacklist}/court/li`)).json.bar).toMatchObject({ cause: 'manual', until: null })
  const { bars } = (await call('GET', `${blacklist}?site=court`)).json
  expect(bars).toMatchObject([
    { account: 'li', until: null },
    { account: 'zhang', reason: 'on leave' },
  ])
  expect((await call('GET', '/api/v1/tokens/court/account')).status).toBe(503)
  expect((await call('GET', '/api/v1/tokens/court/account/zhang')).status).toBe(503)
  expect(logins).toEqual([])

  expect(await call('DELETE', `${blacklist}/court/zhang`)).toMatchObject({ status: 200, json: { state: 'available' } })
  expect((await call('GET', '/api/v1/tokens/court/account')).json).toMatchObject({ ref: 'court/account/zhang' })
  expect((await call('GET', blacklist)).json.bars).toMatchObject([{ account: 'li' }])
})

test('a name may have any character: it is one percent-encoded segment', async () => {
  const { call, add, logins } = await sites()
  const names = ['a/b', '张三', '100%', '%2F', 'a b', 'a?b#c', 'metrics', '-', "o'brien@example.com"]
  for (const name of names) {
    expect((await add(name)).status, name).toBe(201)
    const path = `court/${encodeURIComponent(name)}`
    expect((await call('GET', `${accounts}/${path}`)).json, name).toMatchObject({ account: name })
    expect((await call('PATCH', `${accounts}/${path}`, { username: `user of ${name}` })).status, name).toBe(200)
    expect((await call('PUT', `${blacklist}/${path}`)).json, name).toMatchObject({ account: name, state: 'barred' })
    expect((await call('DELETE', `${blacklist}/${path}`)).json, name).toMatchObject({ state: 'available' })
    expect((await call('GET', `/api/v1/tokens/court/account/${encodeURIComponent(name)}`)).status, name).toBe(200)
    expect(logins.at(-1)).toBe(`court/${name}:user of ${name}:${password}`)
  }
  for (const name of names) {
    expect((await call('DELETE', `${accounts}/court/${encodeURIComponent(name)}`)).status, name).toBe(204)
  }
})

test('bad input is a clear 4xx that names what is wrong, and changes nothing', async () => {
  const { call, add } = await sites()
  await add('zhang')
  const past = '2020-01-01T00:00:00Z'
  const cases: [method: string, path: string, body: unknown, status: number, detail: RegExp][] = [
    [
      'POST',
      accounts,
      { site: 'nowhere', account: 'li', password },
      404,
      /no provider "nowhere"; there are court, shop/,
    ],
    ['POST', accounts, { site: 'court', account: 'zhang', password }, 409, /has an account "zhang" already/],
    ['POST', accounts, { site: 'court', account: 'li', username: 'zhang', password }, 409, /has the username "zhang"/],
    ['POST', accounts, { site: 'court', account: 'li', password: '' }, 400, /password is empty/],
    ['POST', accounts, { site: 'court', account: 'li' }, 400, /password/],
    ['POST', accounts, { site: 'court', account: '', password }, 400, /empty/],
    ['POST', accounts, { site: 'court', account: '..', password }, 400, /relative path/],
    ['POST', accounts, { site: 'court', account: '<b>li</b>', password }, 400, /markup/],
    ['POST', accounts, { site: 'court', account: 'l\u0000i', password }, 400, /control characters/],
    ['POST', accounts, { site: 'court', account: 'x'.repeat(257), password }, 400, /257 bytes/],
    ['POST', accounts, { site: '<i>court</i>', account: 'li', password }, 400, /provider/],
    ['POST', accounts, { site: 'court', account: 'li', username: '<script>', password }, 400, /markup/],
    ['POST', accounts, { site: 'court', account: 'li', passwort: password }, 400, /passwort/],
    ['POST', accounts, undefined, 400, /body/],
    ['POST', accounts, 'text', 400, /body/],
    ['GET', `${accounts}?site=nowhere`, undefined, 404, /no provider "nowhere"/],
    ['GET', `${accounts}?sight=court`, undefined, 400, /sight/],
    ['GET', `${accounts}?site=court&site=shop`, undefined, 400, /site/],
    ['GET', `${accounts}/court/li`, undefined, 404, /no account "li"/],
    ['GET', `${accounts}/court/%ff`, undefined, 400, /./],
    ['PATCH', `${accounts}/court/zhang`, {}, 400, /nothing to change/],
    ['PATCH', `${accounts}/court/zhang`, { password: '' }, 400, /password is empty/],
    ['PATCH', `${accounts}/court/li`, { password }, 404, /no account "li"/],
    ['DELETE', `${accounts}/nowhere/zhang`, undefined, 404, /no account/],
    ['GET', `${blacklist}?site=nowhere`, undefined, 404, /no provider "nowhere"/],
    ['PUT', `${blacklist}/court/li`, {}, 404, /no account "li"/],
    ['PUT', `${blacklist}/court/zhang`, { until: 'tomorrow' }, 400, /until.*instant/],
    ['PUT', `${blacklist}/court/zhang`, { until: '2099-02-30' }, 400, /until.*instant/],
    ['PUT', `${blacklist}/court/zhang`, { until: past }, 400, /not in the future/],
    ['PUT', `${blacklist}/court/zhang`, { days: 0 }, 400, /days/],
    ['PUT', `${blacklist}/court/zhang`, { days: 91 }, 400, /days/],
    ['PUT', `${blacklist}/court/zhang`, { days: 1, until: '2099-01-01' }, 400, /one of them/],
    ['PUT', `${blacklist}/court/zhang`, { reason: 'a\u0007b' }, 400, /control characters/],
    ['DELETE', `${blacklist}/court/li`, undefined, 404, /no account "li"/],
  ]
  const before = (await call('GET', accounts)).text
  for (const [method, path, body, status, detail] of cases) {
    const reply = await call(method, path, body)
    const what = `${method} ${path} ${JSON.stringify(body)}: ${reply.text}`
    expect(reply.status, what).toBe(status)
    expect(reply.headers['content-type'], what).toContain('application/problem+json')
    expect(reply.json.detail, what).toMatch(detail)
    expect(reply.text, what).not.toContain(password)
  }
  expect((await call('GET', accounts)).text).toBe(before)
  expect((await call('GET', blacklist)).json).toEqual({ bars: [] })
})

test('a body that is no JSON is refused, and an empty one of whatever type is none', async () => {
  const { server, add } = await sites()
  await add('zhang')
  const path = `${blacklist}/court/zhang`
  const put = (type: string, body: string) =>
    ask(server.url, path, { method: 'PUT', headers: { 'content-type': type }, body })
  expect(await put('text/plain', '{"reason":"x"}')).toMatchObject({
    status: 415,
    json: { code: 'unsupported_media_type' },
  })
  expect(await put('application/json', '{"reason":')).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
  expect((await put('application/x-www-form-urlencoded', '')).status).toBe(200)
})

test('a narrow key sees and changes the accounts that its patterns cover, and no others', async () => {
  const key = generateKey()
  const all = generateKey()
  const keys = [
    { name: 'narrow', sha256: hashKey(key), refs: ['court/account/z*'], actions: ['accounts'] as ApiKeyAction[] },
    { name: 'all', sha256: hashKey(all), actions: ['admin'] as ApiKeyAction[] },
  ]
  const { call } = await sites({ keys })
  const admin = { authorization: `Bearer ${all}` }
  const narrow = { authorization: `Bearer ${key}` }
  for (const account of ['zhang', 'li']) {
    expect((await call('POST', accounts, { site: 'court', account, password }, admin)).status).toBe(201)
    expect((await call('PUT', `${blacklist}/court/${account}`, {}, admin)).status).toBe(200)
  }
  const names = (list: { account: string }[]) => list.map(({ account }) => account)
  expect(names((await call('GET', accounts, undefined, narrow)).json.accounts)).toEqual(['zhang'])
  expect(names((await call('GET', blacklist, undefined, narrow)).json.bars)).toEqual(['zhang'])
  expect((await call('GET', `${accounts}/court/zhang`, undefined, narrow)).status).toBe(200)
  for (const [method, path, body] of [
    ['POST', accounts, { site: 'court', account: 'wang', password }],
    ['POST', accounts, { site: 'shop', account: 'zhang', password }],
    ['GET', `${accounts}/court/li`, undefined],
    ['GET', `${accounts}/court/nobody`, undefined],
    ['PATCH', `${accounts}/court/li`, { password: 'x' }],
    ['DELETE', `${accounts}/court/li`, undefined],
    ['PUT', `${blacklist}/court/li`, { reason: 'x' }],
    ['DELETE', `${blacklist}/court/li`, undefined],
  ] as const) {
    expect(await call(method, path, body, narrow), `${method} ${path}`).toMatchObject({
      status: 403,
      json: { code: 'forbidden' },
    })
  }
  const unknown = await call('GET', `${accounts}?site=nowhere`, undefined, narrow)
  expect(unknown.json).toMatchObject({ status: 404, detail: expect.not.stringContaining('shop') })
  expect(names((await call('GET', accounts, undefined, admin)).json.accounts)).toEqual(['li', 'zhang'])
})

test('a removed account leaves no token behind, also none that only the store has from before a restart', async () => {
  const config = { store: { use: 'hotwell/stores/sqlite' }, dataDir: await temporaryFolder() }
  const first = await startCourt({ config })
  expect(await first.token('court/account/zhang')).toBe(200)
  await first.server.close()
  const { call, token, site } = await startCourt({ config, site: first.site })
  expect((await call('DELETE /api/v1/accounts/court/zhang')).status).toBe(204)
  expect(await token('court/account/zhang')).toBe(404)
  const body = JSON.stringify({ site: 'court', account: 'zhang', password: 'a-password-that-nobody-may-see' })
  expect((await call('POST /api/v1/accounts', { body })).status).toBe(201)
  expect(await token('court/account/zhang')).toBe(200)
  expect(site.account('zhang').attempts).toBe(2)
})

test('a login under way when the server closes is settled, so that its try is given back', async () => {
  const { server, site, dataDir, token } = await startCourt({ site: { latencyMs: 300 } })
  const login = token('court/account/zhang')
  await vi.waitFor(() => expect(site.logins.running).toBe(1), 5000)
  expect(await server.accounts.get('court', 'zhang')).toMatchObject({ budget: { spent: 1 } })
  await server.close()
  expect(await login).toBe(200)
  const accounts = createAccounts({ path: join(dataDir, 'accounts.db') })
  onTestFinished(() => accounts.close())
  expect(await accounts.get('court', 'zhang')).toMatchObject({ successes: 1, budget: { spent: 0 } })
})

test('passwords lie sealed, with the keys of the token store, and are told nowhere', async () => {
  const key = randomBytes(32).toString('base64')
  const dataDir = await temporaryFolder()
  const store = { use: 'hotwell/stores/sqlite', encryptionKeys: key }
  const { server, add } = await sites({ dataDir, store })
  expect((await add('zhang')).text).not.toContain(password)
  await server.close()
  for (const suffix of ['', '-wal']) {
    const bytes = await readFile(join(dataDir, `accounts.db${suffix}`)).catch(() => Buffer.alloc(0))
    expect(bytes.includes(password)).toBe(false)
  }
  await expect(readFile(join(dataDir, 'tokens.key'))).rejects.toMatchObject({ code: 'ENOENT' })
  const other = randomBytes(32).toString('base64')
  await expect(sites({ dataDir }, { HOTWELL_ENCRYPTION_KEY: other })).rejects.toMatchObject({
    code: 'store_unreadable',
  })
  const again = await sites({ dataDir, store })
  expect((await again.call('GET', '/api/v1/tokens/court/account/zhang')).status).toBe(200)
  expect(again.logins).toEqual([`court/zhang:zhang:${password}`])
})
