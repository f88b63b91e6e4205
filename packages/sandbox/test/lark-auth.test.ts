import { afterEach, describe, expect, test } from 'vitest'
import { type LarkSimulator, type LarkSimulatorOptions, startLarkSimulator } from '../src/index.ts'
import { AUTH, CONTACTS, get, post } from './lark-request.ts'

const acme = { appId: 'cli_acme', appSecret: 'acme-secret', tenants: ['acme'] }
const globex = { appId: 'cli_globex', appSecret: 'globex-secret', tenants: ['globex'] }
const market = {
  appId: 'cli_market',
  appSecret: 'market-secret',
  tenants: ['acme', 'initech'],
  type: 'marketplace' as const,
}
const credentials = { app_id: 'cli_acme', app_secret: 'acme-secret' }
const HOUR = 3_600_000

let lark: LarkSimulator
let time = 0

async function start(options: Partial<LarkSimulatorOptions> = {}): Promise<void> {
  time = 1_700_000_000_000
  lark = await startLarkSimulator({ apps: [acme, globex, market], now: () => time, ...options })
}

afterEach(() => lark?.close())

const tenantToken = (body: object = credentials) => post(lark, `${AUTH}/tenant_access_token/internal`, body)

describe('the 30-minute rule', () => {
  test('the same token while 30 minutes or more remain, with the seconds that really remain', async () => {
    await start()
    const first = (await tenantToken()).body
    expect(first).toEqual({
      code: 0,
      msg: 'ok',
      tenant_access_token: expect.stringMatching(/^t-\w{40}$/),
      expire: 7200,
    })
    time += 1.5 * HOUR
    const second = (await tenantToken()).body
    expect(second).toEqual({ ...first, expire: 1800 })
  })

  test('a new token under 30 minutes, and both stay valid until their own end', async () => {
    await start()
    const old = (await tenantToken()).body.tenant_access_token
    time += 1.5 * HOUR + 1
    const { tenant_access_token: renewed, expire } = (await tenantToken()).body
    expect(renewed).not.toBe(old)
    expect(expire).toBe(7200)
    const codeOf = async (token: string) => (await get(lark, `${CONTACTS}/users`, token)).body.code
    expect([await codeOf(old), await codeOf(renewed)]).toEqual([0, 0])
    time += 0.5 * HOUR
    expect([await codeOf(old), await codeOf(renewed)]).toEqual([99991663, 0])
  })

  test('seconds are told in whole numbers, rounded down', async () => {
    await start()
    await tenantToken()
    time += 1
    expect((await tenantToken()).body.expire).toBe(7199)
  })

  test('a short life scales the window to a quarter of it', async () => {
    await start({ tokenLifeSeconds: 60 })
    const first = (await tenantToken()).body
    expect(first.expire).toBe(60)
    time += 45_000
    expect((await tenantToken()).body).toEqual({ ...first, expire: 15 })
    time += 1
    expect((await tenantToken()).body.tenant_access_token).not.toBe(first.tenant_access_token)
  })

  test("a window of one's own replaces the rule", async () => {
    await start({ tokenLifeSeconds: 60, reuseWindowSeconds: 50 })
    const first = (await tenantToken()).body.tenant_access_token
    time += 10_001
    expect((await tenantToken()).body.tenant_access_token).not.toBe(first)
  })

  test('a life that is changed while running holds for the next token', async () => {
    await start()
    await tenantToken()
    lark.tokenLifeSeconds = 20
    time += 2 * HOUR
    expect((await tenantToken()).body.expire).toBe(20)
    expect(() => (lark.tokenLifeSeconds = 0)).toThrow('tokenLifeSeconds must be at least 1 second, not 0')
  })
})

describe('self-built apps', () => {
  test('each app opens its own tenant, and its app token is another than its tenant token', async () => {
    await start()
    const app = (await post(lark, `${AUTH}/app_access_token/internal`, credentials)).body
    expect(app).toEqual({ code: 0, msg: 'ok', app_access_token: expect.stringMatching(/^a-\w{40}$/), expire: 7200 })
    const emailOf = async (token: string) => (await get(lark, `${CONTACTS}/users`, token)).body.data.items[0]?.email
    const ofGlobex = await tenantToken({ app_id: 'cli_globex', app_secret: 'globex-secret' })
    expect(await emailOf(app.app_access_token)).toMatch(/@acme\.example$/)
    expect(await emailOf((await tenantToken()).body.tenant_access_token)).toMatch(/@acme\.example$/)
    expect(await emailOf(ofGlobex.body.tenant_access_token)).toMatch(/@globex\.example$/)
  })

  test.each([
    ['a wrong secret', { app_id: 'cli_acme', app_secret: 'wrong' }, 10014, 'app secret invalid'],
    ['an unknown app', { app_id: 'cli_nobody', app_secret: 'x' }, 10014, 'app id not exists'],
    ['no secret', { app_id: 'cli_acme' }, 10003, 'invalid param'],
    ['a number for an id', { app_id: 7, app_secret: 'x' }, 10003, 'invalid param'],
    ['an app of the marketplace', { app_id: 'cli_market', app_secret: 'market-secret' }, 10003, 'invalid param'],
    ['no JSON', '{"app_id":', 10003, 'invalid param'],
    ['a JSON list', '[]', 10003, 'invalid param'],
    ['nothing', '', 10003, 'invalid param'],
  ])('%s is refused with HTTP 200 and a code', async (_, body, code, msg) => {
    await start()
    const reply = await post(lark, `${AUTH}/tenant_access_token/internal`, body)
    expect(reply.status).toBe(200)
    expect(reply.body).toEqual({ code, msg: expect.stringContaining(msg) })
  })

  test('refusals come with HTTP 400 where that is asked for', async () => {
    await start({ authErrorStatus: 400 })
    const reply = await tenantToken({ app_id: 'cli_acme', app_secret: 'wrong' })
    expect([reply.status, reply.body.code]).toEqual([400, 10014])
  })

  test('a body over 64 kB is refused, and the simulator goes on', async () => {
    await start()
    const reply = await post(lark, `${AUTH}/tenant_access_token/internal`, { ...credentials, pad: 'x'.repeat(70_000) })
    expect(reply.status).toBe(413)
    expect((await tenantToken()).body.code).toBe(0)
  })

  test('a changed secret counts at once; tokens of the former one stay good', async () => {
    await start()
    const token = (await tenantToken()).body.tenant_access_token
    lark.setSecret('cli_acme', 'rotated')
    expect((await tenantToken()).body.code).toBe(10014)
    expect((await tenantToken({ app_id: 'cli_acme', app_secret: 'rotated' })).body.tenant_access_token).toBe(token)
    expect((await get(lark, `${CONTACTS}/users`, token)).body.code).toBe(0)
  })

  test('a disabled app gets no token and its tokens open nothing, until it is enabled again', async () => {
    await start()
    const token = (await tenantToken()).body.tenant_access_token
    lark.disableApp('cli_acme')
    expect((await tenantToken()).body.code).toBe(99991662)
    expect((await get(lark, `${CONTACTS}/users`, token)).body.code).toBe(99991662)
    lark.enableApp('cli_acme')
    expect((await get(lark, `${CONTACTS}/users`, token)).body.code).toBe(0)
    expect(() => lark.disableApp('cli_nobody')).toThrow(
      'No app cli_nobody here; there are cli_acme, cli_globex, cli_market',
    )
  })
})

describe('marketplace apps', () => {
  const own = { app_id: 'cli_market', app_secret: 'market-secret' }

  test('ticket, then app token, then a token for each tenant', async () => {
    await start()
    const ticket = lark.issueTicket('cli_market')
    const app = (await post(lark, `${AUTH}/app_access_token`, { ...own, app_ticket: ticket })).body
    expect(app.code).toBe(0)
    const emails = []
    for (const tenant_key of market.tenants) {
      const body = { app_access_token: app.app_access_token, tenant_key }
      const { tenant_access_token } = (await post(lark, `${AUTH}/tenant_access_token`, body)).body
      emails.push((await get(lark, `${CONTACTS}/users`, tenant_access_token)).body.data.items[0]?.email)
    }
    expect(emails).toEqual([expect.stringMatching(/@acme\./), expect.stringMatching(/@initech\./)])
    // The app's own token belongs to no tenant, so it reads no tenant's contacts.
    expect((await get(lark, `${CONTACTS}/users`, app.app_access_token)).body.code).toBe(99991664)
  })

  test('a resend replies without the ticket, tells it by event, and voids the former one', async () => {
    const tickets: string[] = []
    await start({ onAppTicket: (appId, ticket) => tickets.push(`${appId} ${ticket}`) })
    const former = lark.issueTicket('cli_market')
    const reply = await post(lark, `${AUTH}/app_ticket/resend`, own)
    expect(reply.body).toEqual({ code: 0, msg: 'success' })
    expect(tickets).toEqual([expect.stringMatching(/^cli_market \w{32}$/)])
    const withTicket = (app_ticket: string) => post(lark, `${AUTH}/app_access_token`, { ...own, app_ticket })
    expect((await withTicket(former)).body.code).toBe(10012)
    expect((await withTicket(tickets[0]!.split(' ')[1]!)).body.code).toBe(0)
  })

  test('without a ticket, with a foreign app token or for a foreign tenant there is no token', async () => {
    await start()
    const ticket = lark.issueTicket('cli_market')
    expect((await post(lark, `${AUTH}/app_access_token`, own)).body.code).toBe(10003)
    const { app_access_token } = (await post(lark, `${AUTH}/app_access_token`, { ...own, app_ticket: ticket })).body
    const tenantCode = async (token: string, tenant_key: string) =>
      (await post(lark, `${AUTH}/tenant_access_token`, { app_access_token: token, tenant_key })).body.code
    expect(await tenantCode('a-never-issued', 'acme')).toBe(99991664)
    expect(await tenantCode(app_access_token, 'globex')).toBe(10003)
    expect(await tenantCode(app_access_token, '')).toBe(10003)
    time += 2 * HOUR
    expect(await tenantCode(app_access_token, 'acme')).toBe(99991664)
  })
})

describe('revocation', () => {
  test('a revoked token is rejected, and the next call gives another one', async () => {
    await start()
    const token = (await tenantToken()).body.tenant_access_token
    expect(lark.revoke(token)).toBe(true)
    expect((await get(lark, `${CONTACTS}/users`, token)).body.code).toBe(99991663)
    expect((await tenantToken()).body.tenant_access_token).not.toBe(token)
    expect(lark.revoke('t-never-issued')).toBe(false)
    time += 2 * HOUR
    expect(lark.revoke(token)).toBe(false)
  })

  test('with keepIssuing the rejected token is handed out again while its window lasts', async () => {
    await start()
    const token = (await tenantToken()).body.tenant_access_token
    lark.revoke(token, { keepIssuing: true })
    expect((await tenantToken()).body.tenant_access_token).toBe(token)
    expect((await get(lark, `${CONTACTS}/users`, token)).body.code).toBe(99991663)
    time += 1.5 * HOUR + 1
    expect((await tenantToken()).body.tenant_access_token).not.toBe(token)
  })

  test('a token of one simulator means nothing to another, even with the same seed', async () => {
    await start()
    await using other = await startLarkSimulator({ apps: [acme] })
    const token = (await tenantToken()).body.tenant_access_token
    expect((await get(other, `${CONTACTS}/users`, token)).body.code).toBe(99991663)
  })
})

describe('what the simulator remembers', () => {
  test('counters by path, by app and by status, and a log of auth calls without secrets and tokens', async () => {
    await start()
    const token = (await tenantToken()).body.tenant_access_token
    await tenantToken()
    await tenantToken({ app_id: 'cli_acme', app_secret: 'wrong-secret' })
    await tenantToken({ app_id: 'cli_globex', app_secret: 'globex-secret' })
    await tenantToken({})
    await get(lark, `${CONTACTS}/departments/0/children?page_size=5`, token)
    await fetch(`${lark.url}/elsewhere`)
    expect(lark.requests.total).toBe(7)
    expect(lark.requests.byPath).toEqual({
      [`${AUTH}/tenant_access_token/internal`]: 5,
      [`${CONTACTS}/departments/:department_id/children`]: 1,
      other: 1,
    })
    expect(lark.requests.byApp).toEqual({ cli_acme: 3, cli_globex: 1, unknown: 1 })
    expect(lark.requests.byStatus).toEqual({ 200: 6, 404: 1 })
    expect(lark.authCalls.map(({ appId, tenant, code, issued }) => [appId, tenant, code, issued])).toEqual([
      ['cli_acme', 'acme', 0, 'new'],
      ['cli_acme', 'acme', 0, 'same'],
      ['cli_acme', undefined, 10014, undefined],
      ['cli_globex', 'globex', 0, 'new'],
      [undefined, undefined, 10003, undefined],
    ])
    expect(JSON.stringify(lark.authCalls)).not.toMatch(/secret|t-\w{40}/)
    lark.reset()
    expect([lark.requests.total, lark.requests.byPath, lark.authCalls]).toEqual([0, {}, []])
  })

  test('the most requests that were ever in flight together', async () => {
    await start()
    lark.faults.set({ latencyMs: 50 })
    await Promise.all(Array.from({ length: 7 }, () => tenantToken()))
    await tenantToken()
    expect([lark.requests.peakInFlight, lark.requests.inFlight]).toEqual([7, 0])
  })
})

describe('apps that cannot be', () => {
  test.each([
    ['no app at all', [], 'needs at least one app'],
    ['the same id twice', [acme, acme], 'App cli_acme is listed twice'],
    ['no tenant', [{ ...acme, tenants: [] }], 'App cli_acme has no tenant'],
    ['no secret', [{ ...acme, appSecret: '' }], 'An app needs an appId and an appSecret'],
    ['a self-built app in two tenants', [{ ...acme, tenants: ['a', 'b'] }], 'give each tenant an app of its own'],
  ])('%s is refused before the port opens', async (_, apps, message) => {
    await expect(startLarkSimulator({ apps })).rejects.toThrow(message)
  })
})
