import { describe, expect, test } from 'vitest'
import { ask, start, startWorld } from '../start.ts'

const tokens = '/api/v1/tokens'

async function running() {
  const world = await startWorld()
  const server = await start({ providers: world.providers })
  return { ...world, server, get: (path: string) => ask(server.url, `${tokens}/${path}`) }
}

describe('GET /api/v1/tokens/{ref}', () => {
  test('serves a token that the API accepts, with what is known of it', async () => {
    const { get, lark } = await running()
    const reply = await get('feishu/tenant/acme')
    expect(reply.status).toBe(200)
    expect(reply.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    expect(Object.keys(reply.json)).toEqual([
      'ref',
      'token',
      'tokenType',
      'expiresAt',
      'expiresInSeconds',
      'generation',
      'state',
      'source',
    ])
    expect(reply.json).toMatchObject({
      ref: 'feishu/tenant/acme',
      tokenType: 'Bearer',
      state: 'fresh',
      source: 'provider',
    })
    expect(new Date(reply.json.expiresAt).toISOString()).toBe(reply.json.expiresAt)
    expect(reply.json.expiresInSeconds).toBeGreaterThan(7000)
    const people = await fetch(`${lark.url}/open-apis/contact/v3/users?page_size=10`, {
      headers: { authorization: `Bearer ${reply.json.token}` },
    })
    expect(people.status).toBe(200)
  })

  test('fifty callers at once, one request upstream', async () => {
    const { get, openId } = await running()
    const replies = await Promise.all(Array.from({ length: 50 }, () => get('crm/client')))
    expect(new Set(replies.map(reply => reply.json.token)).size).toBe(1)
    expect(openId.requests.byGrant).toEqual({ client_credentials: 1 })
  })

  test('a declared scope makes a token of its own; another scope is refused', async () => {
    const { get } = await running()
    const plain = await get('crm/client')
    const scoped = await get('crm/client?scope=write+read')
    expect(scoped.json.ref).toBe('crm/client?scope=read+write')
    expect(scoped.json.token).not.toBe(plain.json.token)
    expect(await get('crm/client?scope=admin')).toMatchObject({ status: 400, json: { code: 'invalid_ref' } })
    expect(await get('feishu/tenant/acme?scope=admin')).toMatchObject({ status: 400, json: { code: 'invalid_ref' } })
  })

  test('minTtlSeconds longer than the life left brings a new token', async () => {
    const { get, openId } = await running()
    openId.accessTokenLifeSeconds = 60
    const first = await get('crm/client')
    openId.accessTokenLifeSeconds = 3600
    expect((await get('crm/client?minTtlSeconds=10')).json.token).toBe(first.json.token)
    const longer = await get('crm/client?minTtlSeconds=600')
    expect(longer.json.token).not.toBe(first.json.token)
    expect(longer.json.expiresInSeconds).toBeGreaterThan(600)
  })

  test('a minTtlSeconds that is no number of seconds, or stands twice, is refused', async () => {
    const { get } = await running()
    for (const value of ['x', '-1', '', '1e3', '5&minTtlSeconds=6']) {
      const reply = await get(`crm/client?minTtlSeconds=${value}`)
      expect(reply, value).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
      expect(reply.json.detail).toContain('minTtlSeconds')
    }
  })

  test('a parameter that nobody knows is refused and named', async () => {
    const { get } = await running()
    const reply = await get('crm/client?subject=acme')
    expect(reply).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    expect(reply.json.detail).toContain('"subject"')
  })

  test('a subject may be called refresh, hold a slash as %2F, or be written in Chinese', async () => {
    const { get, server } = await running()
    expect((await get('feishu/tenant/refresh')).json.ref).toBe('feishu/tenant/refresh')
    expect((await get('feishu/tenant/a%2Fb')).json.ref).toBe('feishu/tenant/a%2Fb')
    expect((await get(`feishu/tenant/${encodeURIComponent('北京')}`)).json.ref).toBe('feishu/tenant/%E5%8C%97%E4%BA%AC')
    const refreshed = await ask(server.url, `${tokens}/feishu/tenant/refresh/-/refresh`, { method: 'POST' })
    expect(refreshed).toMatchObject({ status: 200, json: { ref: 'feishu/tenant/refresh' } })
  })

  const hostile: [path: string, status: number, code: string][] = [
    ['feishu/tenant/acme%3Fscope=admin', 404, 'unknown_subject'],
    ['feishu/tenant/refresh/extra', 400, 'invalid_ref'],
    ['feishu/tenant', 400, 'invalid_ref'],
    ['feishu/app/acme', 400, 'invalid_ref'],
    ['feishu/tenant/', 400, 'invalid_ref'],
    [`feishu/tenant/${'a'.repeat(300)}`, 400, 'invalid_ref'],
    [`feishu/tenant/${'a'.repeat(9000)}`, 400, 'invalid_ref'],
    ['feishu/tenant/%00', 400, 'invalid_ref'],
    ['feishu/tenant/%2e%2e', 400, 'invalid_ref'],
    ['feishu/tenant/a%zz', 400, 'invalid_ref'],
    ['feishu/tenant/%ff%fe', 400, 'invalid_ref'],
    ['feishu/tenant/%0d%0aset-cookie:a', 400, 'invalid_ref'],
    ['../../etc/passwd', 400, 'invalid_ref'],
    ['FEISHU/app', 400, 'invalid_ref'],
    ['__proto__/constructor', 400, 'invalid_ref'],
    ['constructor/app', 404, 'unknown_provider'],
    ['nobody/app', 404, 'unknown_provider'],
    ['feishu/user/anna', 404, 'unknown_kind'],
    ['feishu/tenant/nobody', 404, 'unknown_subject'],
  ]

  test('hostile and unknown refs get a problem document, and nobody upstream is asked', async () => {
    const { get, lark } = await running()
    for (const [path, status, code] of hostile) {
      const reply = await get(path)
      expect(reply.json, path).toMatchObject({ status, code, retryable: false, type: `urn:hotwell:error:${code}` })
      expect(reply.status).toBe(status)
      expect(reply.headers['content-type']).toBe('application/problem+json; charset=utf-8')
      expect(reply.json.detail.length).toBeGreaterThan(10)
    }
    expect(lark.requests.total).toBe(0)
    expect((await get('feishu/tenant/acme')).status).toBe(200)
  })

  test('HEAD tells the same without the token', async () => {
    const { server } = await running()
    const reply = await ask(server.url, `${tokens}/crm/client`, { method: 'HEAD' })
    expect(reply).toMatchObject({ status: 200, text: '' })
  })
})

describe('the routes beside it', () => {
  test('the list has states and lives, and never a value', async () => {
    const { server, get } = await running()
    const { token } = (await get('feishu/tenant/acme')).json
    const reply = await ask(server.url, tokens)
    expect(reply.json.tokens).toMatchObject([{ ref: 'feishu/tenant/acme', state: 'fresh', renewals: 0, failure: null }])
    expect(reply.text).not.toContain(token)
    expect(await ask(server.url, `${tokens}?values=true`)).toMatchObject({ status: 400 })
  })

  test('refresh acquires a new token and does not tell it', async () => {
    const { server, get } = await running()
    const before = (await get('crm/client')).json
    const reply = await ask(server.url, `${tokens}/crm/client/-/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    })
    expect(reply).toMatchObject({ status: 200, json: { ref: 'crm/client', state: 'fresh', renewals: 1 } })
    const after = (await get('crm/client')).json
    expect(after.token).not.toBe(before.token)
    expect(after.generation).toBeGreaterThan(before.generation)
    expect(reply.text).not.toContain(after.token)
  })

  test('invalidate drops the rejected token only while it is the current one', async () => {
    const { server, get } = await running()
    const { token } = (await get('crm/client')).json
    const invalidate = (body: unknown) =>
      ask(server.url, `${tokens}/crm/client/-/invalidate`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    expect((await invalidate({ token: 'an-older-one' })).json).toEqual({ ref: 'crm/client', invalidated: false })
    expect((await get('crm/client')).json.token).toBe(token)
    expect((await invalidate({})).json).toEqual({ ref: 'crm/client', invalidated: true })
    expect((await get('crm/client')).json.token).not.toBe(token)
    expect(await invalidate({ tokken: token })).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    expect(await invalidate({ token: 7 })).toMatchObject({ status: 400 })
  })

  test('bodies that are no JSON, too large or of another kind are refused', async () => {
    const { server } = await running()
    const post = (type: string, body: string) =>
      ask(server.url, `${tokens}/crm/client/-/invalidate`, { method: 'POST', headers: { 'content-type': type }, body })
    expect(await post('application/json', '{')).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    expect(await post('text/plain', '{}')).toMatchObject({ status: 415, json: { code: 'unsupported_media_type' } })
    expect(await post('application/x-www-form-urlencoded', 'a=b')).toMatchObject({ status: 415 })
    expect(await post('application/json', `{"token":"${'x'.repeat(600_000)}"}`)).toMatchObject({
      status: 413,
      json: { code: 'payload_too_large' },
    })
  })

  test('another method gets 405 and is told which ones there are; an unknown path gets 404', async () => {
    const { server } = await running()
    for (const [method, path, allow] of [
      ['GET', `${tokens}/crm/client/-/refresh`, 'POST'],
      ['DELETE', `${tokens}/crm/client`, 'GET, HEAD'],
      ['POST', tokens, 'GET, HEAD'],
      ['PUT', '/metrics', 'GET, HEAD'],
    ] as const) {
      const reply = await ask(server.url, path, { method })
      expect(reply).toMatchObject({ status: 405, json: { code: 'method_not_allowed' }, headers: { allow } })
    }
    for (const path of [
      '/nothing',
      '/api/v1/token/crm/client',
      '/api/v1/tokens/crm/client/-/delete',
      '//',
      '/docs/../etc',
    ]) {
      expect((await ask(server.url, path)).json, path).toMatchObject({ status: 404, code: 'not_found' })
    }
  })
})
