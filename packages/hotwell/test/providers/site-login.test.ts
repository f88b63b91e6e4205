import { inspect } from 'node:util'
import { type LoginSite, type LoginSiteOptions, startLoginSite } from '@hotwell/sandbox'
import { afterEach, describe, expect, test } from 'vitest'
import { isHotwellError } from '../../src/core/errors.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { acquire, providerContract } from '../../src/testing/provider-contract.ts'
import { failureOf, providerFailure } from '../../src/tokens/failure.ts'
import type { AcquireRequest, AcquisitionFacts } from '../../src/tokens/provider.ts'
import { type SiteLoginOptions, siteLogin } from '../../src/tokens/providers/site-login.ts'
import { json, startLocalUpstream } from './local-upstream.ts'
import { startTokenUpstream } from './token-upstream.ts'

const password = 'S3cret/of: "zhang" & 50 %'
const credentials = { account: 'zhang', credentialId: 'v1', username: 'zhang', password }
const fromBody = { from: 'body', path: 'data.token', expiresInPath: 'data.seconds' } as const

providerContract(test, 'siteLogin', {
  make: async () => {
    const { server, control } = await startTokenUpstream((token, seconds) => json({ data: { token, seconds } }))
    const provider = siteLogin({ baseUrl: server.url, form: 'json', token: fromBody, attach: { cookie: 'session' } })
    return {
      // The suite knows no accounts: this one logs in with the account of the test.
      provider: { ...provider, acquire: request => provider.acquire({ ...request, credentials }) },
      ref: 'site/account/zhang',
      secrets: [password],
      rejection: { status: 302, headers: { location: '/login' } },
      findToken: request => request.headers.get('cookie')?.replace('session=', '') ?? null,
      upstream: control,
      close: () => server.close(),
    }
  },
})

let site: LoginSite

async function start(options: Partial<LoginSiteOptions> = {}): Promise<void> {
  site = await startLoginSite({ accounts: [{ username: 'zhang', password }], ...options })
}

afterEach(() => site?.close())

const add = ({ text }: { text: string }) => {
  const [, one, other] = text.match(/(\d+) \+ (\d+)/)!
  return String(Number(one) + Number(other))
}
const byForm = (options: Partial<SiteLoginOptions> = {}) =>
  siteLogin({ baseUrl: site.url, prepare: true, token: { from: 'cookie', name: 'session' }, ...options })
const byJson = (options: Partial<SiteLoginOptions> = {}) =>
  siteLogin({
    baseUrl: site.url,
    loginPath: '/api/login',
    form: 'json',
    token: { from: 'body', path: 'token', expiresInPath: 'expiresIn' },
    ...options,
  })

function logIn(provider: ReturnType<typeof siteLogin>, more: Partial<AcquireRequest> = {}) {
  return acquire({ provider, ref: 'court/account/zhang' }, undefined, { credentials, ...more })
}

/** How a login failed: sorted, and without the password however it is printed. */
async function failure(provider: ReturnType<typeof siteLogin>, more: Partial<AcquireRequest> = {}) {
  const error = await logIn(provider, more).then(
    () => expect.unreachable('it logged in'),
    (error: unknown) => error,
  )
  if (!isHotwellError(error)) throw error
  const printed = inspect(error, { depth: 12, showHidden: true, maxStringLength: null })
  for (const form of [more.credentials?.password ?? password, encodeURIComponent(password)]) {
    expect(printed).not.toContain(form)
  }
  const { status, scope, disposition } = failureOf(error)
  const { sent, answered } = error.details
  return { code: error.code, status, scope, disposition, sent, ...(answered !== undefined && { answered }) }
}

interface Answer {
  status?: number
  headers?: Record<string, string>
  body: string
}

/** A login at a site that answers it like this. */
async function logInAt(answer: Answer, options: Partial<SiteLoginOptions> = {}) {
  const upstream = await startLocalUpstream(() => answer)
  try {
    return await logIn(siteLogin({ baseUrl: upstream.url, token: fromBody, ...options }))
  } finally {
    await upstream.close()
  }
}

async function refusedWith(answer: Answer, options: Partial<SiteLoginOptions> = {}) {
  const upstream = await startLocalUpstream(() => answer)
  try {
    return await failure(siteLogin({ baseUrl: upstream.url, token: fromBody, ...options }))
  } finally {
    await upstream.close()
  }
}

const wrongPassword = { credentials: { ...credentials, password: 'wrong-password' } }
const rejected = { code: 'credentials_rejected', status: 'credential_error', scope: 'account', disposition: 'terminal' }

describe('a login', () => {
  test('by a form: cookies, hidden fields and captcha go with it, and its session opens the API', async () => {
    await start({ captcha: true, sessionLifeSeconds: 900 })
    const facts: AcquisitionFacts[] = []
    const provider = byForm({ captcha: add, captchaPath: '/captcha' })
    const { value, expiresInSeconds } = await logIn(provider, { note: noted => void facts.push(noted) })
    expect(expiresInSeconds).toBe(900)
    expect(facts).toEqual([{ loginMs: expect.any(Number), captchaAttempts: 1 }])
    const request = new Request(`${site.url}/api/cases`, { headers: { cookie: 'language=zh; session=old' } })
    const reply = await fetch(provider.attach!(request, value))
    expect(await reply.json()).toMatchObject({ account: 'zhang' })
    expect(site.requests.byPath['/cases']).toBeUndefined()
  })

  test('by JSON: the token from the body, a header or a cookie, put where each is wanted', async () => {
    await start()
    for (const options of [
      {},
      { token: { from: 'header', name: 'x-session-token' } },
      { token: { from: 'cookie', name: 'session' } },
      { attach: { header: 'authorization', prefix: 'Bearer ' } },
    ] as Partial<SiteLoginOptions>[]) {
      const provider = byJson(options)
      const { value } = await logIn(provider)
      const plain = new Request(`${site.url}/api/cases`)
      plain.headers.set('authorization', `Bearer ${value}`)
      const reply = await fetch(provider.attach?.(new Request(`${site.url}/api/cases`), value) ?? plain)
      expect(reply.status).toBe(200)
    }
    expect(new URL(byJson({ attach: { query: 'key' } }).attach!(new Request('http://a/b?c=1'), 'x y').url).search).toBe(
      '?c=1&key=x+y',
    )
  })

  test('without an account is not even tried', async () => {
    await start()
    expect(byForm().needsAccount).toBe(true)
    expect(await failure(byForm(), { credentials: undefined })).toMatchObject({ code: 'unknown_subject', sent: false })
    expect(site.requests.total).toBe(0)
  })
})

describe('a refusal', () => {
  test('a bad password concerns the account and is final, by form and by JSON', async () => {
    await start()
    expect(await failure(byForm(), wrongPassword)).toEqual({ ...rejected, sent: true })
    expect(await failure(byJson(), wrongPassword)).toEqual({ ...rejected, sent: true })
    expect(site.account('zhang').badPasswords).toBe(2)
  })

  test('told with status 200 and the form again, it is recognised by its words or by what is configured', async () => {
    await start({ refusalStatus: 200 })
    expect(await failure(byForm(), wrongPassword)).toMatchObject(rejected)
    const outcomes = { badPassword: { path: 'error', equals: 'bad_password' } }
    expect(await failure(byJson({ outcomes }), wrongPassword)).toMatchObject(rejected)
  })

  test('a refusal that nobody knows is not sent again, because the site may have counted it', async () => {
    await start({ refusalStatus: 200 })
    const outcomes = { badPassword: { text: 'something else' } }
    const unknown = { disposition: 'uncertain', sent: true, answered: true }
    expect(await failure(byForm({ outcomes }), wrongPassword)).toMatchObject(unknown)
    expect(await refusedWith({ status: 302, headers: { location: '/login?again' }, body: '' })).toMatchObject({
      sent: true,
      answered: true,
    })
    expect(await refusedWith({ status: 503, body: '' }), 'out of order').toMatchObject({ sent: true, answered: false })
  })

  test('a wrong captcha may be tried again; the password was not looked at', async () => {
    await start({ captcha: true, captchaFailureRate: 1 })
    const wrong = { status: 'captcha_error', disposition: 'retryable' }
    expect(await failure(byForm({ captcha: add, captchaPath: '/captcha' }))).toMatchObject(wrong)
    const lost = () => Promise.reject(new Error('the reader is out'))
    expect(await failure(byForm({ captcha: lost, captchaPath: '/captcha' }))).toMatchObject({ ...wrong, sent: false })
    expect(site.account('zhang')).toMatchObject({ badPasswords: 0, badCaptchas: 1 })
  })

  test('a locked account is final as well', async () => {
    await start({ lockoutAfter: 1 })
    await failure(byForm(), wrongPassword)
    expect(await failure(byForm())).toMatchObject(rejected)
  })

  test('of user name, password or captcha in one breath is no wrong captcha, which would be sent again', async () => {
    for (const text of ['用户名、密码或验证码错误', 'Incorrect user name, password or captcha']) {
      expect(await refusedWith({ body: `<p>${text}</p>` })).toMatchObject({ status: 'failed', sent: true })
    }
    const field = { status: 400, body: '{"message":"Wrong password","captcha":true}' }
    expect(await refusedWith(field), 'the name of a field is no phrase').toMatchObject(rejected)
    const captcha = { status: 401, body: '<p>The captcha is wrong.</p><label>Password</label>' }
    expect(await refusedWith(captcha), 'control').toMatchObject({ status: 'captcha_error' })
  })

  test('by status 429 is one of the password where the site says so, or the configuration', async () => {
    const tooMany = (body: string) => ({ status: 429, body })
    expect(await refusedWith(tooMany('Too many failed logins'))).toMatchObject(rejected)
    expect(await refusedWith(tooMany(''), { outcomes: { locked: { status: 429 } } })).toMatchObject(rejected)
    expect(await refusedWith(tooMany('Slow down.')), 'control').toMatchObject({ code: 'rate_limited', sent: false })
  })

  test('that shows the form again, with a new session for the stranger, is no success', async () => {
    const headers = { 'set-cookie': 'session=of-a-stranger; Path=/' }
    const token = { from: 'cookie', name: 'session' } as const
    const again = { headers, body: '<p>Nope.</p><form><input name="p" type="password"></form>' }
    expect(await refusedWith(again, { token })).toMatchObject({
      status: 'failed',
      disposition: 'uncertain',
      sent: true,
    })
    const welcome = { headers, body: '<p>Welcome</p>' }
    expect((await logInAt(welcome, { token })).value, 'control').toBe('of-a-stranger')
    const anyway = { token, outcomes: { success: { status: 200 } } }
    expect((await logInAt(again, anyway)).value, 'unless it is configured to be one').toBe('of-a-stranger')
  })

  test('429 holds the site back', async () => {
    await start({ rate429: 1 })
    expect(await failure(byJson())).toMatchObject({ code: 'rate_limited', sent: false })
  })
})

describe('a login without an answer', () => {
  test('nobody listens: the password never left', async () => {
    await start()
    const provider = byJson()
    await site.close()
    expect(await failure(provider)).toMatchObject({ status: 'network_error', disposition: 'retryable', sent: false })
  })

  test('a connection that breaks after the password has left', async () => {
    await start()
    site.faults.set({ cutRate: 1 })
    expect(await failure(byJson())).toMatchObject({ status: 'network_error', sent: true })
    expect(await failure(byForm())).toMatchObject({ status: 'network_error', sent: false })
  })

  test('a time-out tells whether the password had left, and ends on the dot', async () => {
    const upstream = await startLocalUpstream(() => 'hang')
    const paths = { '/login': true, '/page': false }
    try {
      for (const [path, sent] of Object.entries(paths)) {
        const clock = new FakeClock({ startAt: Date.now() })
        const provider = siteLogin({ baseUrl: upstream.url, prepare: sent ? false : path, token: fromBody })
        const seen = upstream.seen.length
        const failed = failure(provider, { clock })
        while (upstream.seen.length === seen) await new Promise(resolve => setImmediate(resolve))
        await clock.advance(60_000)
        expect(await failed).toMatchObject({ code: 'timeout', status: 'timeout', sent })
        expect(clock.pending).toBe(0)
      }
    } finally {
      await upstream.close()
    }
  })
})

describe('the cookie of a login', () => {
  const token = { from: 'cookie', name: 'session' } as const
  const replying = (cookie: string) => ({
    headers: { 'set-cookie': cookie, date: 'Wed, 01 Apr 2026 10:00:00 GMT' },
    body: 'Welcome',
  })

  test('lives until its Expires, by the clock of the site, unless Max-Age says otherwise', async () => {
    const life = async (attributes: string) => {
      const acquired = await logInAt(replying(`session=abc; ${attributes}`), { token })
      return acquired.expiresInSeconds
    }
    expect(await life('Expires=Wed, 01 Apr 2026 10:20:00 GMT; Path=/')).toBe(1200)
    expect(await life('expires=Wed, 01-Apr-2026 10:20:00 GMT; max-age=60')).toBe(60)
    expect(await life('Expires=soon; Path=/')).toBe(3600)
  })

  test('that is deleted by an Expires of the past is no token', async () => {
    const deleted = replying('session=deleted; Expires=Thu, 01 Jan 1970 00:00:01 GMT')
    expect(await refusedWith(deleted, { token })).toMatchObject({ status: 'failed', sent: true })
  })
})

describe('a hook that logs in', () => {
  test('and finds no token has sent the password all the same', async () => {
    await start()
    const login: SiteLoginOptions['login'] = async ({ credentials }) => void credentials.password as never
    const nothing = siteLogin({ baseUrl: site.url, login })
    expect(await failure(nothing)).toMatchObject({ status: 'failed', disposition: 'uncertain', sent: true })
  })

  test('gets the credentials, and says how the site refused', async () => {
    await start()
    const login: SiteLoginOptions['login'] = async ({ credentials, baseUrl, refusal }) => {
      const body = JSON.stringify(credentials)
      const headers = { 'content-type': 'application/json' }
      const reply = await fetch(new URL('/api/login', baseUrl), { method: 'POST', headers, body })
      if (reply.status === 401) throw refusal('badPassword')
      const { token, expiresIn } = (await reply.json()) as { token: string; expiresIn: number }
      return { value: token, expiresInSeconds: expiresIn }
    }
    const provider = siteLogin({ baseUrl: site.url, login })
    expect((await logIn(provider)).expiresInSeconds).toBe(3600)
    expect(await failure(provider, wrongPassword)).toMatchObject(rejected)
  })

  test('and ends when it is told to has timed out, whatever it throws then', async () => {
    await start()
    const clock = new FakeClock({ startAt: Date.now() })
    const login: SiteLoginOptions['login'] = ({ credentials, signal }) =>
      new Promise((_, reject) => {
        if (credentials.password) signal.addEventListener('abort', () => reject(new Error('Target closed')))
      })
    const failed = failure(siteLogin({ baseUrl: site.url, login }), { clock })
    await clock.advance(60_000)
    expect(await failed).toMatchObject({ code: 'timeout', status: 'timeout', sent: true })
  })

  test('that shows the password in an error of Hotwell is not passed on either', async () => {
    await start()
    const login: SiteLoginOptions['login'] = ({ credentials }) =>
      Promise.reject(providerFailure({ message: `fill("${credentials.password}") failed` }))
    expect(await failure(siteLogin({ baseUrl: site.url, login }))).toMatchObject({ sent: true, answered: true })
  })

  test('has not sent the password until it has looked at it; what comes after that may be a refusal', async () => {
    await start()
    const failing = (look: boolean, error: Error) =>
      siteLogin({
        baseUrl: site.url,
        login: async ({ credentials }) => {
          if (look) JSON.stringify(credentials)
          throw error
        },
      })
    const odd = Object.assign(new Error('Timeout waiting for #cases'), { name: 'TimeoutError' })
    expect(await failure(failing(false, odd))).toMatchObject({ disposition: 'retryable', sent: false, answered: false })
    expect(await failure(failing(true, odd))).toMatchObject({ disposition: 'uncertain', sent: true, answered: true })
    const lost = Object.assign(new Error('lost'), { code: 'ECONNRESET' })
    expect(await failure(failing(true, lost))).toMatchObject({ status: 'network_error', sent: true, answered: false })
  })

  test('is waited for after its time, so that no second login begins beside it', async () => {
    await start()
    const clock = new FakeClock({ startAt: Date.now() })
    const { promise, resolve } = Promise.withResolvers<{ value: string; expiresInSeconds: number }>()
    let settled = false
    const late = logIn(siteLogin({ baseUrl: site.url, login: () => promise }), { clock })
    late.finally(() => (settled = true))
    await clock.advance(61_000)
    expect(settled).toBe(false)
    resolve({ value: 'late', expiresInSeconds: 60 })
    expect((await late).value).toBe('late')
  })

  test('an error of its own that shows the password is not passed on', async () => {
    await start()
    const login: SiteLoginOptions['login'] = ({ credentials }) =>
      Promise.reject(new Error(`fill("${credentials.password}") failed`))
    expect(await failure(siteLogin({ baseUrl: site.url, login }))).toMatchObject({
      disposition: 'uncertain',
      sent: true,
    })
  })
})

test('a path that leads away from the site, a lone captcha, an unknown option: refused by name', () => {
  const token = fromBody
  const baseUrl = 'https://court.example'
  expect(() => siteLogin({ baseUrl, token, loginPath: 'https://evil.example/login' })).toThrow(/"loginPath" leads away/)
  expect(() => siteLogin({ baseUrl, token, captcha: add })).toThrow(/captchaPath/)
  expect(() => siteLogin({ baseUrl } as SiteLoginOptions)).toThrow(/"token"/)
  expect(() => siteLogin({ baseUrl, token, tokn: 1 } as SiteLoginOptions)).toThrow(/no option "tokn"/)
  expect(() => siteLogin({ baseUrl: 'http://court.example', token })).toThrow(/not encrypted/)
})
