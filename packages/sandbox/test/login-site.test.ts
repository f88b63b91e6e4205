import { afterEach, describe, expect, test } from 'vitest'
import { type LoginSite, type LoginSiteOptions, startLoginSite } from '../src/index.ts'

const zhang = { username: 'zhang', password: 'right-1' }
const wang = { username: 'wang', password: 'right-2' }
let site: LoginSite
let time = 0

async function start(options: Partial<LoginSiteOptions> = {}): Promise<void> {
  time = 1_700_000_000_000
  site = await startLoginSite({ accounts: [zhang, wang], now: () => time, ...options })
}

afterEach(() => site?.close())

interface Visitor {
  cookie: string
  formToken: string
}

async function visit(): Promise<Visitor> {
  const page = await fetch(`${site.url}/login`)
  const formToken = (await page.text()).match(/name="form_token" value="(\w+)"/)![1]!
  return { cookie: page.headers.get('set-cookie')!.split(';')[0]!, formToken }
}

async function solve({ cookie }: Visitor): Promise<string> {
  const image = await (await fetch(`${site.url}/captcha`, { headers: { cookie } })).text()
  const [, one, other] = image.match(/(\d+) \+ (\d+) = \?/)!
  return String(Number(one) + Number(other))
}

function submit({ cookie, formToken }: Visitor, fields: Record<string, string>): Promise<Response> {
  const body = new URLSearchParams({ form_token: formToken, ...fields })
  return fetch(`${site.url}/login`, { method: 'POST', body, headers: { cookie }, redirect: 'manual' })
}

function logIn(fields: object, signal?: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${site.url}/api/login`, { method: 'POST', body: JSON.stringify(fields), headers, signal })
}

async function session(fields = zhang): Promise<string> {
  return ((await (await logIn(fields)).json()) as { token: string }).token
}

const cases = (headers: Record<string, string>) => fetch(`${site.url}/api/cases`, { headers })

describe('logging in', () => {
  test('the form answers with a redirect and a session cookie that opens the cases', async () => {
    await start({ captcha: true })
    const visitor = await visit()
    const reply = await submit(visitor, { ...zhang, captcha: await solve(visitor) })
    expect([reply.status, reply.headers.get('location')]).toEqual([302, '/cases'])
    const cookie = reply.headers.get('set-cookie')!.split(';')[0]!
    expect(await (await cases({ cookie })).json()).toMatchObject({ account: 'zhang' })
    expect(await (await fetch(`${site.url}/cases`, { headers: { cookie } })).text()).toContain('2026-117')
  })

  test('the JSON login tells the token in body, header and cookie, and the life of the session', async () => {
    await start({ sessionLifeSeconds: 90 })
    const reply = await logIn(zhang)
    const { token, expiresIn } = (await reply.json()) as { token: string; expiresIn: number }
    expect(expiresIn).toBe(90)
    expect(reply.headers.get('x-session-token')).toBe(token)
    for (const headers of [
      { authorization: `Bearer ${token}` },
      { 'x-session-token': token },
      { cookie: `session=${token}` },
    ] as Record<string, string>[]) {
      expect((await cases(headers)).status).toBe(200)
    }
    time += 90_000
    expect((await cases({ authorization: `Bearer ${token}` })).status).toBe(401)
  })

  test('a form without its hidden token is not even looked at', async () => {
    await start()
    const visitor = await visit()
    expect((await submit({ ...visitor, formToken: 'stale' }, zhang)).status).toBe(403)
    expect(site.account('zhang').attempts).toBe(0)
  })

  test('a new login ends the session before it', async () => {
    await start()
    const first = await session()
    const second = await session()
    expect((await cases({ 'x-session-token': first })).status).toBe(401)
    expect((await cases({ 'x-session-token': second })).status).toBe(200)
    expect(site.account('zhang')).toMatchObject({ logins: 2, sessions: 1 })
    site.endSession('zhang')
    expect((await cases({ 'x-session-token': second })).status).toBe(401)
    expect(site.account('zhang').sessions).toBe(0)
  })
})

describe('the captcha', () => {
  test('is checked before the password, which a wrong answer leaves uncounted', async () => {
    await start({ captcha: true })
    const visitor = await visit()
    await solve(visitor)
    expect((await submit(visitor, { username: 'zhang', password: 'wrong', captcha: '0' })).status).toBe(400)
    expect(site.account('zhang')).toMatchObject({ badCaptchas: 1, badPasswords: 0 })
  })

  test('an answer is good for one try, and only the last picture counts', async () => {
    await start({ captcha: true })
    const visitor = await visit()
    const former = await solve(visitor)
    let captcha = await solve(visitor)
    while (captcha === former) captcha = await solve(visitor)
    expect((await submit(visitor, { ...zhang, captcha })).status).toBe(302)
    expect((await submit(visitor, { ...zhang, captcha })).status).toBe(400)
  })

  test('a right answer is called wrong as often as is set, for one account or for all', async () => {
    await start({ captcha: true, accounts: [{ ...zhang, captchaFailureRate: 1 }, wang] })
    const statusOf = async (account: typeof zhang) => {
      const visitor = await visit()
      return (await submit(visitor, { ...account, captcha: await solve(visitor) })).status
    }
    expect([await statusOf(zhang), await statusOf(wang)]).toEqual([400, 302])
    site.captchaFailureRate = 1
    expect(await statusOf(wang)).toBe(400)
  })
})

describe('the lock-out', () => {
  test('five bad passwords in a row lock the account, for the right password too, until it is unlocked', async () => {
    await start()
    for (let tries = 1; tries <= 5; tries++) {
      expect(site.account('zhang').lockedOut).toBe(false)
      expect((await logIn({ ...zhang, password: 'wrong' })).status).toBe(401)
    }
    expect(site.account('zhang')).toMatchObject({ lockedOut: true, badInRow: 5, mostBadInRow: 5 })
    expect(await (await logIn(zhang)).json()).toMatchObject({ error: 'locked' })
    expect((await logIn(wang)).status).toBe(200)
    time += 1e10
    expect((await logIn(zhang)).status).toBe(423)
    site.unlock('zhang')
    expect((await logIn(zhang)).status).toBe(200)
  })

  test('a success begins a new row', async () => {
    await start()
    for (let i = 0; i < 4; i++) await logIn({ ...zhang, password: 'wrong' })
    await session()
    for (let i = 0; i < 4; i++) await logIn({ ...zhang, password: 'wrong' })
    expect(site.account('zhang')).toMatchObject({ lockedOut: false, badPasswords: 8, mostBadInRow: 4 })
  })

  test('a password is judged though its sender has left', async () => {
    await start({ latencyMs: 30 })
    const leaving = new AbortController()
    const left = logIn({ ...zhang, password: 'wrong' }, leaving.signal).catch(() => 'left')
    while (site.logins.running === 0) await new Promise(resolve => setImmediate(resolve))
    leaving.abort()
    expect(await left).toBe('left')
    while (site.account('zhang').badPasswords === 0) await new Promise(resolve => setTimeout(resolve, 5))
    expect(site.account('zhang')).toMatchObject({ running: 0, badInRow: 1 })
  })
})

describe('what the site counts', () => {
  test('logins under way together, by account and over all', async () => {
    await start({ latencyMs: 40 })
    await Promise.all([logIn(zhang), logIn(zhang), logIn(wang)])
    expect(site.logins.mostAtOnce).toBe(3)
    expect([site.account('zhang').mostAtOnce, site.account('wang').mostAtOnce]).toEqual([2, 1])
    site.latencyMs = 0
    site.reset()
    await logIn(wang)
    expect(site.accounts().wang).toMatchObject({ attempts: 1, logins: 1, mostAtOnce: 1 })
  })

  test('strangers are refused like bad passwords, and asked about they are an error', async () => {
    await start()
    expect((await logIn({ username: 'mallory', password: 'x' })).status).toBe(401)
    expect(() => site.account('mallory')).toThrow(RangeError)
  })

  test('faults come before the login: nothing reaches an account', async () => {
    await start({ rate429: 1 })
    const reply = await logIn(zhang)
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, '1'])
    expect(site.account('zhang').attempts).toBe(0)
  })

  test('a site that refuses with the form and status 200', async () => {
    await start({ refusalStatus: 200 })
    const reply = await submit(await visit(), { ...zhang, password: 'wrong' })
    expect([reply.status, await reply.text()]).toEqual([200, expect.stringContaining('password is wrong')])
  })
})
