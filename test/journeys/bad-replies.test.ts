import { startLarkSimulator } from '@hotwell/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ending, pause, temporaryFolder, tokenServer } from './scene.ts'
import { type Served, serve } from './served.ts'
import type { TokenServer } from './token-server.ts'

type Reply = { status?: number; headers?: Record<string, string>; body: string }

const html = { headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Sign in</title>' }
const token = 'a-token-of-this-test-0123456789'
const oauth = (fields: object) => ({ body: JSON.stringify({ access_token: token, token_type: 'Bearer', ...fields }) })
const lark = (fields: object) => ({
  body: JSON.stringify({ code: 0, msg: 'ok', tenant_access_token: token, ...fields }),
})

/** What a provider answers, and the status and code that a caller gets for it. */
const replies: [what: string, oauth: Reply, lark: Reply, status: number, code: string][] = [
  ['an HTML page', html, html, 502, 'provider_error'],
  ['an HTML page with an error', { ...html, status: 503 }, { ...html, status: 503 }, 502, 'provider_error'],
  ['garbage', { body: `{"access_token":"${token}` }, { body: `{"code":0,` }, 502, 'provider_error'],
  ['nothing', { body: '' }, { body: '' }, 502, 'provider_error'],
  ['a list', { body: '[]' }, { body: '[]' }, 502, 'provider_error'],
  ['a negative life', oauth({ expires_in: -7200 }), lark({ expire: -7200 }), 502, 'provider_error'],
  ['a life of nothing', oauth({ expires_in: 0 }), lark({ expire: 0 }), 502, 'provider_error'],
  ['a life that is a word', oauth({ expires_in: 'soon' }), lark({ expire: 'soon' }), 502, 'provider_error'],
  [
    'a life without end',
    { body: oauth({}).body.replace('}', ',"expires_in":1e999}') },
    { body: lark({}).body.replace('}', ',"expire":1e999}') },
    502,
    'provider_error',
  ],
  [
    'no token',
    oauth({ access_token: undefined, expires_in: 600 }),
    lark({ tenant_access_token: undefined, expire: 600 }),
    502,
    'provider_error',
  ],
  [
    'a token that is a number',
    oauth({ access_token: 7, expires_in: 600 }),
    lark({ tenant_access_token: 7, expire: 600 }),
    502,
    'provider_error',
  ],
  [
    'a token with a line break',
    oauth({ access_token: 'a\r\nx: y', expires_in: 600 }),
    lark({ tenant_access_token: 'a\r\nx: y', expire: 600 }),
    502,
    'provider_error',
  ],
  [
    'a token of 200 kB',
    oauth({ access_token: 'x'.repeat(200_000), expires_in: 600 }),
    lark({ tenant_access_token: 'x'.repeat(200_000), expire: 600 }),
    502,
    'provider_error',
  ],
  [
    'a refusal',
    { status: 401, body: '{"error":"invalid_client"}' },
    { body: '{"code":10014,"msg":"app secret invalid"}' },
    502,
    'credentials_rejected',
  ],
  [
    'a refusal as too many',
    { status: 429, headers: { 'retry-after': '9' }, body: '' },
    { status: 429, headers: { 'x-ogw-ratelimit-reset': '9' }, body: '{"code":99991400,"msg":"too many"}' },
    503,
    'rate_limited',
  ],
]

let server: Served
let issuer: TokenServer
let larkReply: Reply | undefined
/** By client id, which is the name of its provider. */
const oauthReplies = new Map<string, Reply>()
const endings: (() => unknown)[] = []

beforeAll(async () => {
  const ending: Ending = { onTestFinished: end => void endings.push(end as () => unknown) }
  issuer = await tokenServer(ending, { lifeSeconds: 600 })
  issuer.settings.intercept = ({ client }) => oauthReplies.get(client)
  const names = [...replies.map((_, index) => `crm${index}`), 'large', 'short', 'absent']
  const simulator = await startLarkSimulator({
    apps: replies.map((_, index) => ({ appId: `cli_${index}`, appSecret: 'secret', tenants: [`t${index}`] })),
  })
  ending.onTestFinished(() => simulator.close())
  simulator.faults.set({ respond: () => larkReply })
  const { tokenEndpoint } = issuer
  const apps = replies.map((_, index) => [
    `lark${index}`,
    { use: 'hotwell/providers/feishu', baseUrl: simulator.url, appId: `cli_${index}`, appSecret: 'secret' },
  ])
  const clients = names.map(name => [
    name,
    { use: 'hotwell/providers/client-credentials', tokenEndpoint, clientId: name, clientSecret: 'secret' },
  ])
  server = await serve(ending, await temporaryFolder(ending), {
    dataDir: 'data',
    providers: Object.fromEntries([...apps, ...clients]),
  })
})

afterAll(async () => {
  for (const end of endings.reverse()) await end()
})

async function expectFailure(path: string, method: string, status: number, code: string): Promise<void> {
  const response = await server.get(path, { method })
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  const problem = (await response.json()) as { detail: string }
  expect(problem).toMatchObject({ status, code, type: `urn:hotwell:error:${code}` })
  expect(response.status).toBe(status)
  expect(problem.detail).not.toContain(token)
  if (code === 'rate_limited') expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(7)
}

describe.concurrent('a provider that answers a refresh with', () => {
  test.for(replies.map((reply, index) => [...reply, index] as const))(
    '%s fails clearly and costs no token that was there',
    async ([, answer, , status, code, index]) => {
      const ref = `/api/v1/tokens/crm${index}/client`
      const before = await server.token(`crm${index}/client`)
      oauthReplies.set(`crm${index}`, answer)
      await expectFailure(`${ref}/-/refresh`, 'POST', status, code)
      expect(await server.token(`crm${index}/client`)).toBe(before)
      const list = (await (await server.get('/api/v1/tokens')).json()) as {
        tokens: { ref: string; state: string; failure: object }[]
      }
      expect(list.tokens.find(one => one.ref === `crm${index}/client`)).toMatchObject({
        state: 'fresh',
        failure: { code },
      })
    },
  )
})

describe('a Lark that answers from the start with', () => {
  test.for(replies.map((reply, index) => [...reply, index] as const))(
    '%s fails clearly, and is asked again when it is well',
    async ([, , answer, status, code, index]) => {
      larkReply = answer
      await expectFailure(`/api/v1/tokens/lark${index}/tenant/t${index}`, 'GET', status, code)
      larkReply = undefined
      if (code === 'rate_limited') return
      const refreshed = await server.get(`/api/v1/tokens/lark${index}/tenant/t${index}/-/refresh`, { method: 'POST' })
      expect(refreshed.status).toBe(200)
      expect(await server.token(`lark${index}/tenant/t${index}`)).toMatch(/^t-/)
    },
  )

  test('no life is refused, since Lark always tells it', async () => {
    larkReply = lark({})
    await expectFailure('/api/v1/tokens/lark0/tenant/t0/-/refresh', 'POST', 502, 'provider_error')
    larkReply = undefined
  })
})

describe('a provider that is odd but right', () => {
  test('a client credentials reply without a life gets the configured one (RFC 6749 section 5.1 allows it)', async () => {
    oauthReplies.set('absent', oauth({}))
    const reply = await (await server.get('/api/v1/tokens/absent/client')).json()
    expect(reply).toMatchObject({ token })
    expect((reply as { expiresInSeconds: number }).expiresInSeconds).toBeGreaterThan(290)
  })

  test('a token of 100 kB is served whole, and again after a refusal', async () => {
    const value = 'x'.repeat(100_000)
    oauthReplies.set('large', oauth({ access_token: value, expires_in: 600 }))
    expect(await server.token('large/client')).toBe(value)
    const dropped = await server.get('/api/v1/tokens/large/client/-/invalidate', {
      method: 'POST',
      body: JSON.stringify({ token: value }),
      headers: { 'content-type': 'application/json' },
    })
    expect(await dropped.json()).toMatchObject({ invalidated: true })
    oauthReplies.set('large', oauth({ access_token: `${value}y`, expires_in: 600 }))
    expect(await server.token('large/client')).toBe(`${value}y`)
  })

  test('a token of one second is served while it lives, and never longer', async () => {
    let count = 0
    const ends = new Map<string, number>()
    const acquire = () => {
      const name = `one-second-${++count}`
      ends.set(name, Date.now() + 1000)
      return oauth({ access_token: name, expires_in: 1 })
    }
    issuer.settings.intercept = ({ client }) => (client === 'short' ? acquire() : oauthReplies.get(client))
    const until = Date.now() + 3500
    let served = 0
    while (Date.now() < until) {
      const asked = Date.now()
      const value = await server.token('short/client')
      // The reply was on its way for a moment; what counts is that it was alive when it was asked for.
      expect(ends.get(value)).toBeGreaterThan(asked)
      served++
      await pause(5)
    }
    expect(count).toBeGreaterThanOrEqual(4)
    expect(served).toBeGreaterThan(count * 5)
  })
})

test('after all of this the server lives, and says what it knows', async () => {
  expect((await server.get('/healthz')).status).toBe(200)
  expect((await server.get('/metrics')).status).toBe(200)
  expect(server.child.output).not.toContain(token)
  expect(server.child.process.exitCode).toBe(null)
})
