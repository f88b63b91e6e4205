import { afterEach, expect, test } from 'vitest'
import { type LarkSimulator, startLarkSimulator, startOpenIdProvider } from '../src/index.ts'
import { AUTH, CONTACTS, get, post } from './lark-request.ts'

const apps = [{ appId: 'cli_acme', appSecret: 's', tenants: ['acme'] }]
const login = { app_id: 'cli_acme', app_secret: 's' }
const clients = [{ clientId: 'crm', clientSecret: 'crm-secret' }]
let lark: LarkSimulator

afterEach(() => lark?.close())

const tenantToken = () => post(lark, `${AUTH}/tenant_access_token/internal`, login)

async function statuses(count: number): Promise<number[]> {
  const seen = []
  for (let i = 0; i < count; i++) seen.push((await tenantToken()).status)
  return seen
}

test('a failure rate fails about that share of requests, the same ones for the same seed', async () => {
  const runs = []
  for (const seed of [1, 1, 2]) {
    await using simulator = await startLarkSimulator({ apps, seed, failureRate: 0.3 })
    lark = simulator
    runs.push(await statuses(100))
    expect(simulator.requests.faulted).toBe(simulator.requests.byStatus[503])
  }
  const [first, again, other] = runs
  const failed = first!.filter(status => status === 503).length
  expect(failed).toBeGreaterThan(15)
  expect(failed).toBeLessThan(45)
  expect(again).toEqual(first)
  expect(other).not.toEqual(first)
})

test('faults can be set, changed and cleared while it runs', async () => {
  lark = await startLarkSimulator({ apps })
  expect(await statuses(2)).toEqual([200, 200])
  lark.faults.set({ failureRate: 1 })
  expect(await statuses(2)).toEqual([503, 503])
  lark.faults.set({ rate429: 1 })
  expect(await statuses(1)).toEqual([429])
  lark.faults.set({ failureRate: undefined, rate429: 0 })
  expect(await statuses(2)).toEqual([200, 200])
  lark.faults.set({ failureRate: 1 })
  lark.faults.clear()
  expect(await statuses(2)).toEqual([200, 200])
})

test('a fault for so many requests, after which the service is well and the next fault is whole again', async () => {
  lark = await startLarkSimulator({ apps })
  lark.faults.set({ failureRate: 1, times: 2 })
  expect(await statuses(4)).toEqual([503, 503, 200, 200])
  lark.faults.set({ failureRate: 1 })
  expect(await statuses(3)).toEqual([503, 503, 503])
})

test('a fault of some paths leaves the others alone', async () => {
  lark = await startLarkSimulator({ apps })
  lark.faults.set({ failureRate: 1, paths: [CONTACTS] })
  const { status, body } = await tenantToken()
  expect(status).toBe(200)
  expect((await get(lark, `${CONTACTS}/users`, body.tenant_access_token)).status).toBe(503)
})

test.each([400, 429] as const)("too many requests: HTTP %i with Lark's code and header", async rateLimitStatus => {
  lark = await startLarkSimulator({ apps, rateLimitStatus, rate429: 1 })
  const first = await tenantToken()
  expect([first.status, first.body.code]).toEqual([rateLimitStatus, 99991400])
  expect(first.headers.get('x-ogw-ratelimit-reset')).toBe('1')
  lark.faults.set({ retryAfterSeconds: 9, retryAfterHeader: 'retry-after' })
  expect((await tenantToken()).headers.get('retry-after')).toBe('9')
})

test('a real limit admits so many requests in a second and refuses the rest', async () => {
  let time = 1_700_000_000_000
  lark = await startLarkSimulator({ apps, now: () => time })
  lark.faults.set({ limitPerSecond: 3 })
  expect(await statuses(5)).toEqual([200, 200, 200, 429, 429])
  time += 333
  expect(await statuses(1)).toEqual([429])
  time += 1
  expect(await statuses(2)).toEqual([200, 429])
  time += 60_000
  expect(await statuses(4)).toEqual([200, 200, 200, 429])
})

test('latency delays the reply and nothing else', async () => {
  lark = await startLarkSimulator({ apps, latencyMs: 30 })
  const order: string[] = []
  const slow = tenantToken().then(reply => order.push(`reply ${reply.status}`))
  const before = new Promise<void>(resolve => setTimeout(resolve, 5)).then(() => order.push('meanwhile'))
  await Promise.all([slow, before])
  expect(order).toEqual(['meanwhile', 'reply 200'])
})

test('a caller who leaves during the latency is counted as cut and gets no token', async () => {
  lark = await startLarkSimulator({ apps, latencyMs: 60_000 })
  const leave = new AbortController()
  const path = `${AUTH}/tenant_access_token/internal`
  const call = fetch(lark.url + path, { method: 'POST', body: JSON.stringify(login), signal: leave.signal })
  const left = expect(call).rejects.toThrow('abort')
  await until(() => lark.requests.inFlight === 1)
  leave.abort()
  await left
  await until(() => lark.requests.inFlight === 0)
  expect(lark.requests.byStatus).toEqual({ cut: 1 })
  expect(lark.authCalls).toEqual([])
})

test('a cut request was carried out, only its reply is lost', async () => {
  lark = await startLarkSimulator({ apps })
  lark.faults.set({ cutRate: 1, times: 1 })
  await expect(tenantToken()).rejects.toThrow('fetch failed')
  expect(lark.authCalls).toMatchObject([{ appId: 'cli_acme', code: 0, issued: 'new' }])
  expect((await tenantToken()).status).toBe(200)
  expect(lark.authCalls.at(-1)).toMatchObject({ issued: 'same' })
  expect(lark.requests.byStatus).toEqual({ cut: 1, 200: 1 })
})

test("replies of one's own: HTML, garbage, odd lives", async () => {
  lark = await startLarkSimulator({ apps })
  lark.faults.set({
    respond: ({ path }) => {
      if (path.includes('app_access_token'))
        return { body: { code: 0, msg: 'ok', app_access_token: 'a-x', expire: -1 } }
      return path.includes('tenant')
        ? { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad</h1>' }
        : undefined
    },
  })
  const html = await fetch(`${lark.url}${AUTH}/tenant_access_token/internal`, { method: 'POST' })
  expect([html.status, html.headers.get('content-type'), await html.text()]).toEqual([502, 'text/html', '<h1>Bad</h1>'])
  expect((await post(lark, `${AUTH}/app_access_token/internal`, login)).body.expire).toBe(-1)
  expect((await get(lark, `${CONTACTS}/users`)).body.code).toBe(99991661)
})

test.each([-0.1, 1.1, Number.NaN])('a rate of %d is refused by name', async rate => {
  lark = await startLarkSimulator({ apps })
  expect(() => lark.faults.set({ cutRate: rate })).toThrow(`cutRate is a share from 0 to 1, not ${rate}`)
  await expect(startLarkSimulator({ apps, failureRate: rate })).rejects.toThrow('failureRate is a share from 0 to 1')
})

test('the OpenID provider has the same faults in its own words', async () => {
  await using provider = await startOpenIdProvider({ clients, failureRate: 1 })
  const ask = () => {
    const headers = { authorization: `Basic ${btoa('crm:crm-secret')}` }
    const body = new URLSearchParams({ grant_type: 'client_credentials' })
    return fetch(`${provider.url}/token`, { method: 'POST', headers, body })
  }
  const failed = await ask()
  expect([failed.status, await failed.json()]).toEqual([503, { error: 'temporarily_unavailable' }])
  provider.faults.set({ failureRate: 0, rate429: 1, retryAfterSeconds: 3 })
  const refused = await ask()
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '3'])
  provider.faults.set({ rate429: 0, respond: () => ({ body: '{"access_token":' }) })
  expect(await (await ask()).text()).toBe('{"access_token":')
  expect(provider.requests.byGrant).toEqual({})
  provider.faults.set({ respond: undefined, cutRate: 1, times: 1 })
  await expect(ask()).rejects.toThrow('fetch failed')
  expect(provider.requests.byGrant).toEqual({ client_credentials: 1 })
  expect((await ask()).status).toBe(200)
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}
