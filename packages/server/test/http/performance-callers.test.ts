import { DatabaseSync } from 'node:sqlite'
import { type ApiKeyAction, generateKey, hashKey } from '@hotwell/server'
import { describe, expect, test } from 'vitest'
import { ask } from '../start.ts'
import { startCourt } from './court.ts'

const routes: [route: string, action: ApiKeyAction][] = [
  ['GET metrics', 'metrics'],
  ['GET statistics', 'metrics'],
  ['GET health', 'metrics'],
  ['GET resource-usage', 'metrics'],
  ['POST optimize-concurrency', 'admin'],
  ['GET cache-stats', 'metrics'],
  ['POST cache/warm-up', 'admin'],
  ['DELETE cache/clear', 'admin'],
  ['POST metrics/reset', 'admin'],
  ['POST resources/cleanup', 'admin'],
]
const prefixes = ['/api/v1/performance', '/api/v1/automation/performance']

test('each route lies under both prefixes and takes an empty body, of whatever type', async () => {
  const { server } = await startCourt()
  for (const [route] of routes) {
    const [method, path] = route.split(' ') as [string, string]
    for (const prefix of prefixes) {
      const reply = await ask(server.url, `${prefix}/${path}`, { method })
      expect(reply, `${method} ${prefix}/${path}`).toMatchObject({ status: 200, json: expect.any(Object) })
      if (method === 'GET') continue
      for (const [type, body] of [
        ['application/json', ''],
        ['application/json', '{}'],
        ['application/x-www-form-urlencoded', ''],
      ] as const) {
        const headers = { 'content-type': type, 'content-length': String(body.length) }
        const sent = await ask(server.url, `${prefix}/${path}`, { method, headers, body })
        expect(sent.status, `${route} with ${type} ${body}`).toBe(200)
      }
    }
  }
})

test('reading needs the action metrics, changing needs admin', async () => {
  const keys = Object.fromEntries(['metrics', 'admin', 'others'].map(name => [name, generateKey()]))
  const actions: Record<string, ApiKeyAction[]> = {
    metrics: ['metrics'],
    admin: ['admin'],
    others: ['read', 'refresh', 'invalidate', 'list', 'accounts', 'history'],
  }
  const config = {
    keys: Object.entries(keys).map(([name, key]) => ({ name, sha256: hashKey(key), actions: actions[name]! })),
  }
  const { call } = await startCourt({ config, headers: { authorization: `Bearer ${keys.admin}` } })
  const status = async (route: string, name: string) =>
    (await call(route, { headers: { authorization: `Bearer ${keys[name]}` } })).status
  for (const [route, action] of routes) {
    expect(await status(route, 'admin'), route).toBe(200)
    expect(await status(route, 'metrics'), route).toBe(action === 'metrics' ? 200 : 403)
    expect(await status(route, 'others'), route).toBe(403)
    expect((await call(route, { headers: { authorization: 'Bearer none' } })).status, route).toBe(401)
  }
})

describe('a key that covers one site', () => {
  async function narrow() {
    const [key, all] = [generateKey(), generateKey()]
    const actions = ['admin' as const]
    const keys = [
      { name: 'narrow', sha256: hashKey(key), refs: ['crm/*', 'court/account/z*'], actions },
      { name: 'all', sha256: hashKey(all), actions },
    ]
    const court = await startCourt({ config: { keys }, headers: { authorization: `Bearer ${all}` } })
    const call = (route: string) => court.call(route, { headers: { authorization: `Bearer ${key}` } })
    return { ...court, narrow: call }
  }

  test('changes nothing of other sites, nor of the whole', async () => {
    const { call, narrow: ask, token, site } = await narrow()
    for (const ref of ['court/account/zhang', 'crm/client']) await token(ref)
    for (const route of [
      'DELETE cache/clear',
      'DELETE cache/clear?site_name=court',
      'POST metrics/reset',
      'POST resources/cleanup',
      'POST optimize-concurrency',
      'GET statistics',
      'GET statistics?site_name=court',
    ]) {
      expect(await ask(route), route).toMatchObject({ status: 403, json: { code: 'forbidden' } })
    }
    expect((await call('GET metrics')).json.totalAcquisitions).toBe(2)
    expect((await call('GET cache-stats')).json.tokens.size).toBe(2)
    expect(await ask('DELETE cache/clear?site_name=crm')).toMatchObject({ status: 200, json: { tokens: 1 } })
    expect((await ask('GET statistics?site_name=crm')).status).toBe(200)
    expect(site.account('zhang').attempts).toBe(1)
  })

  test('is told that something is wrong, but no names of what it does not cover', async () => {
    const { call, narrow: ask, token, dataDir } = await narrow()
    const database = new DatabaseSync(`${dataDir}/accounts.db`)
    database.exec("update accounts set sealed_password = 'x' where account = 'wang'")
    database.close()
    expect(await token('court/account/wang')).toBe(503)
    const told = await ask('GET health')
    expect(told.json).toMatchObject({ state: 'degraded' })
    expect(told.text).not.toContain('wang')
    expect((await ask('GET /readyz')).text).not.toContain('wang')
    for (const route of ['GET health', 'GET /readyz']) expect((await call(route)).text).toContain('wang')
  })

  test('warms and sees the accounts that it covers, and no others', async () => {
    const { call, narrow: ask, site } = await narrow()
    await call('PUT /api/v1/blacklist/court/wang')
    const { json } = await ask('POST cache/warm-up?site_name=court')
    expect(json).toMatchObject({ warm: ['court/account/zhang'], skipped: [] })
    expect(site.account('li').attempts).toBe(0)
    await call('POST cache/warm-up')
    const metrics = (await ask('GET metrics')).json
    expect(metrics.totalAcquisitions).toBe(2)
    expect(Object.keys(metrics.byAccount)).toEqual(['court/zhang'])
    expect(metrics.bySite).toEqual({})
    expect(Object.keys((await call('GET metrics')).json.byAccount)).toEqual(['court/zhang', 'court/li'])
  })
})

test('bad input is a clear 4xx that names what is wrong, and changes nothing', async () => {
  const { call, token, site } = await startCourt()
  await token('court/account/zhang')
  const limits = (await call('GET resource-usage')).json.gate.limits
  const cases: [route: string, status: number, detail: RegExp, body?: string][] = [
    ['GET statistics?days=0', 400, /days.*1 to 90/],
    ['GET statistics?days=91', 400, /days.*1 to 90/],
    ['GET statistics?days=-1', 400, /days/],
    ['GET statistics?days=1.5', 400, /days/],
    ['GET statistics?days=seven', 400, /days/],
    ['GET statistics?days=1&days=2', 400, /days/],
    ['GET statistics?site_name=nowhere', 404, /no provider "nowhere"; there are court, crm/],
    ['GET statistics?site_name=%3Cb%3E', 400, /provider/],
    ['GET statistics?site_name=court&siteName=crm', 400, /two sites/],
    ['GET statistics?site=court', 400, /site/],
    ['GET metrics?verbose=1', 400, /verbose/],
    ['POST cache/warm-up?site_name=nowhere', 404, /no provider "nowhere"/],
    ['POST cache/warm-up?site_name=', 400, /site_name.*empty/],
    ['POST cache/warm-up?timeout_seconds=301', 400, /timeout_seconds/],
    ['POST cache/warm-up', 400, /site_name/, '{"site_name":"court"}'],
    ['POST cache/warm-up', 400, /not JSON/, '{"site_name":'],
    ['DELETE cache/clear?site_name=nowhere', 404, /no provider "nowhere"/],
    ['DELETE cache/clear?site_name=', 400, /site_name.*empty/],
    ['DELETE cache/clear?sitename=court', 400, /sitename/],
    ['DELETE cache/clear?siteName=a%00b', 400, /provider/],
    ['POST resources/cleanup?days=0', 400, /days/],
    ['POST resources/cleanup?days=91', 400, /days/],
    ['POST optimize-concurrency?apply=yes', 400, /apply/],
    ['POST optimize-concurrency?apply=1', 400, /apply/],
    ['POST optimize-concurrency?undo=none', 404, /no change "none"/],
    ['POST optimize-concurrency?apply=true&undo=none', 400, /either/],
    ['POST optimize-concurrency?days=0', 400, /days/],
    ['GET cache/clear', 405, /DELETE/],
    ['POST health', 405, /GET/],
    ['GET nothing', 404, /no such route/],
  ]
  for (const [route, status, detail, body] of cases) {
    const reply = await call(route, { body })
    expect(reply.status, `${route}: ${reply.text}`).toBe(status)
    expect(reply.headers['content-type'], route).toContain('application/problem+json')
    expect(reply.json.detail, route).toMatch(detail)
  }
  expect((await call('GET resource-usage')).json.gate.limits).toEqual(limits)
  expect((await call('GET cache-stats')).json.tokens.size).toBe(1)
  expect((await call('GET metrics')).json.totalAcquisitions).toBe(1)
  expect(await token('court/account/zhang')).toBe(200)
  expect(Object.values(site.accounts()).map(({ attempts }) => attempts)).toEqual([1, 0, 0])
})

test('without history its routes say so, and the others work', async () => {
  const { call, token } = await startCourt({ config: { history: false } })
  await token('court/account/zhang')
  expect(await call('GET statistics')).toMatchObject({
    status: 404,
    json: { detail: expect.stringMatching(/history/) },
  })
  expect((await call('POST resources/cleanup?days=3')).status).toBe(404)
  expect((await call('POST resources/cleanup')).status).toBe(200)
  expect((await call('GET resource-usage')).json.history).toBeNull()
  expect((await call('POST optimize-concurrency')).json.logins.acquisitions).toBe(1)
  expect((await call('GET health')).json.state).toBe('healthy')
})
