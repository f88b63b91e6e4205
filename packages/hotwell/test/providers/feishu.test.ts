import { inspect } from 'node:util'
import { startLarkSimulator } from '@hotwell/sandbox'
import { afterEach, describe, expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { acquire } from '../../src/testing/provider-contract.ts'
import { failureOf } from '../../src/tokens/failure.ts'
import { identityOf } from '../../src/tokens/provider.ts'
import { feishu } from '../../src/tokens/providers/feishu.ts'
import { parseRef } from '../../src/tokens/ref.ts'
import { json, type LocalUpstream, startLocalUpstream } from './local-upstream.ts'

const app = { appId: 'cli_a1', appSecret: 'secret-of-a1-0123456789' }
const ref = 'feishu/tenant/acme'
const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function upstream(respond: LocalUpstream['respond']): Promise<LocalUpstream> {
  const server = await startLocalUpstream(respond)
  cleanups.push(() => server.close())
  return server
}

/** What the provider makes of one reply. */
async function failureFor(status: number, body: unknown, headers = {}, tenants?: Record<string, typeof app>) {
  const { url } = await upstream(() => json(body, status, headers))
  const error = await acquire({ provider: feishu({ ...app, tenants, baseUrl: url }), ref }).catch(cause => cause)
  return { code: error.code, message: error.message, retryAfterMs: error.retryAfterMs, ...failureOf(error) }
}

describe('against the simulator', () => {
  async function simulator(apps = [{ ...app, tenants: ['acme'] }], now?: () => number) {
    const lark = await startLarkSimulator({ apps, now })
    cleanups.push(() => lark.close())
    return lark
  }

  test('app and tenant tokens come with their life, and the API takes them', async () => {
    const lark = await simulator()
    const provider = feishu({ ...app, baseUrl: lark.url })
    const tenant = await acquire({ provider, ref })
    expect(tenant.expiresInSeconds).toBe(7200)
    expect(tenant.serverDate).toBeTypeOf('number')
    const { value } = await acquire({ provider, ref: 'feishu/app' })
    expect(value).not.toBe(tenant.value)
    const reply = await fetch(`${lark.url}/open-apis/contact/v3/users`, {
      headers: { authorization: `Bearer ${tenant.value}` },
    })
    expect(await reply.json()).toMatchObject({ code: 0 })
  })

  test('the same token comes back until 30 minutes before its end, and the provider says so', async () => {
    let now = Date.now()
    const lark = await simulator(undefined, () => now)
    const provider = feishu({ ...app, baseUrl: lark.url })
    const first = await acquire({ provider, ref })
    now += (7200 - provider.notBeforeSeconds! - 1) * 1000
    expect((await acquire({ provider, ref })).value).toBe(first.value)
    now += 2000
    expect((await acquire({ provider, ref })).value).not.toBe(first.value)
  })

  test('a revoked token is recognised as rejected, whatever the HTTP status', async () => {
    for (const rejectionStatus of [200, 400, 401] as const) {
      const lark = await startLarkSimulator({ apps: [{ ...app, tenants: ['acme'] }], rejectionStatus })
      cleanups.push(() => lark.close())
      const provider = feishu({ ...app, baseUrl: lark.url })
      const { value } = await acquire({ provider, ref })
      lark.revoke(value)
      const reply = await fetch(`${lark.url}/open-apis/contact/v3/users`, {
        headers: { authorization: `Bearer ${value}` },
      })
      const { status, headers } = reply
      expect(provider.rejects!({ status, headers, body: await reply.json() })).toBe(true)
    }
  })

  test('a wrong secret and a disabled app stop the whole provider', async () => {
    const lark = await simulator()
    const wrong = feishu({ ...app, appSecret: 'wrong', baseUrl: lark.url })
    const error = await acquire({ provider: wrong, ref }).catch(cause => cause)
    expect(error.code).toBe('credentials_rejected')
    expect(error.message).toContain('code 10014')
    expect(failureOf(error)).toMatchObject({ disposition: 'terminal', scope: 'provider', status: 'credential_error' })
    lark.disableApp(app.appId)
    await expect(acquire({ provider: feishu({ ...app, baseUrl: lark.url }), ref })).rejects.toMatchObject({
      code: 'credentials_rejected',
    })
  })

  test('with an app per tenant, one bad secret concerns its tenant alone', async () => {
    const globex = { appId: 'cli_g1', appSecret: 'secret-of-g1' }
    const lark = await simulator([
      { ...app, tenants: ['acme'] },
      { ...globex, tenants: ['globex'] },
    ])
    const provider = feishu({ tenants: { acme: { ...app, appSecret: 'wrong' }, globex }, baseUrl: lark.url })
    const error = await acquire({ provider, ref }).catch(cause => cause)
    expect(failureOf(error)).toMatchObject({ disposition: 'terminal', scope: 'ref' })
    await acquire({ provider, ref: 'feishu/tenant/globex' })
    expect(lark.requests.byApp).toEqual({ cli_a1: 1, cli_g1: 1 })
    expect(provider.kinds).toEqual(['tenant'])
    const identities = ['acme', 'globex'].map(name => identityOf(provider, parseRef(`feishu/tenant/${name}`)))
    expect(new Set(identities).size).toBe(2)
  })
})

describe('failures told by a code in the body', () => {
  const cases = [
    [99991543, 'credentials_rejected', 'terminal', 'provider', 'credential_error'],
    [10014, 'credentials_rejected', 'terminal', 'provider', 'credential_error'],
    [20002, 'credentials_rejected', 'terminal', 'provider', 'credential_error'],
    [20048, 'credentials_rejected', 'terminal', 'provider', 'credential_error'],
    [20009, 'credentials_rejected', 'terminal', 'provider', 'credential_error'],
    [20069, 'credentials_rejected', 'terminal', 'provider', 'credential_error'],
    [99991662, 'credentials_rejected', 'terminal', 'provider', 'credential_error'],
    [99991673, 'credentials_rejected', 'terminal', 'provider', 'credential_error'],
    [99991672, 'provider_error', 'terminal', 'ref', 'failed'],
    [99991676, 'provider_error', 'terminal', 'ref', 'failed'],
    [99991679, 'provider_error', 'terminal', 'ref', 'failed'],
    [99991400, 'rate_limited', 'retryable', 'provider', 'rate_limited'],
    [10003, 'provider_error', 'terminal', 'ref', 'failed'],
  ] as const
  for (const httpStatus of [200, 400]) {
    for (const [providerCode, code, disposition, scope, status] of cases) {
      test(`${providerCode} with HTTP ${httpStatus} is ${code}, ${disposition}`, async () => {
        const failure = await failureFor(httpStatus, { code: providerCode, msg: 'as documented' })
        expect(failure).toMatchObject({ code, disposition, scope, status })
        expect(failure.message).toContain(`code ${providerCode}, "as documented"`)
      })
    }
  }

  test('a code that nobody knows is tried again with HTTP 200 and 503, and not with HTTP 400', async () => {
    expect(await failureFor(200, { code: 4711, msg: 'hm' })).toMatchObject({ disposition: 'retryable' })
    expect(await failureFor(503, { code: 2200, msg: 'Internal Error' })).toMatchObject({ disposition: 'retryable' })
    expect(await failureFor(400, { code: 4711, msg: 'hm' })).toMatchObject({ disposition: 'terminal' })
  })

  test('the wait that it asks for is taken from either header', async () => {
    const body = { code: 99991400, msg: 'request trigger frequency limit' }
    expect(await failureFor(400, body, { 'x-ogw-ratelimit-reset': '12' })).toMatchObject({ retryAfterMs: 12_000 })
    expect(await failureFor(429, body, { 'retry-after': '3' })).toMatchObject({ retryAfterMs: 3000 })
    expect(await failureFor(503, {}, { 'retry-after': '5' })).toMatchObject({ retryAfterMs: 5000 })
  })

  test('a limit met by one app of several concerns its tenant alone', async () => {
    const failure = await failureFor(429, { code: 99991400, msg: '' }, {}, { acme: app })
    expect(failure).toMatchObject({ status: 'rate_limited', scope: 'ref' })
  })

  test('a success that cannot be read leaves the outcome uncertain', async () => {
    const { url } = await upstream(() => ({ headers: { 'content-type': 'text/html' }, body: '<html>' }))
    const error = await acquire({ provider: feishu({ ...app, baseUrl: url }), ref }).catch(cause => cause)
    expect(failureOf(error)).toMatchObject({ disposition: 'uncertain', status: 'failed' })
    expect(error.message).toContain('6 bytes of text/html')
  })
})

test('a missing scope is no rejected token', () => {
  const { rejects } = feishu(app)
  const headers = new Headers()
  for (const code of [99991663, 99991664, 99991671, 99991668, 99991677]) {
    for (const status of [200, 400, 401]) expect(rejects!({ status, headers, body: { code } })).toBe(true)
  }
  for (const code of [0, 99991672, 99991676, 99991679, 99991400]) {
    expect(rejects!({ status: 401, headers, body: { code } })).toBe(false)
  }
})

test('no answer within the time is a time-out, on the clock it was given', async () => {
  const { url, seen } = await upstream(() => 'hang')
  const clock = new FakeClock()
  const provider = feishu({ ...app, baseUrl: url, timeoutSeconds: 20 })
  const outcome = acquire({ provider, ref }, undefined, { clock }).catch(cause => cause)
  while (seen.length === 0) await new Promise(resolve => setImmediate(resolve))
  await clock.advance(19_999)
  expect(clock.pending).toBe(1)
  await clock.advance(1)
  const error = await outcome
  expect(error.code).toBe('timeout')
  expect(failureOf(error).status).toBe('timeout')
  expect(clock.pending).toBe(0)
})

test('a reply without an end is left after 256 kB, and the connection with it', async () => {
  const left = Promise.withResolvers<void>()
  const { url } = await upstream((_, response) => {
    response.on('close', left.resolve)
    const more = () => {
      while (!response.destroyed && response.write(' '.repeat(16_384)));
    }
    response.on('drain', more)
    more()
    return undefined
  })
  const error = await acquire({ provider: feishu({ ...app, baseUrl: url }), ref }).catch(cause => cause)
  expect(error.message).toContain('more than 262144 bytes')
  expect(failureOf(error)).toMatchObject({ disposition: 'uncertain', status: 'failed' })
  await left.promise
})

test('a host that is not there is a network error, sent again without harm', async () => {
  const server = await startLocalUpstream(() => undefined)
  await server.close()
  const error = await acquire({ provider: feishu({ ...app, baseUrl: server.url }), ref }).catch(cause => cause)
  expect(failureOf(error)).toMatchObject({ disposition: 'retryable', status: 'network_error' })
  expect(error.message).toContain('ECONNREFUSED')
})

test('a fetch of one\u2019s own that quotes the request in its error does not show the secret', async () => {
  const careless: typeof fetch = async (url, init) => {
    throw new Error(`could not send ${init?.body} to ${url}`)
  }
  const error = await acquire({ provider: feishu({ ...app, fetch: careless }), ref }).catch(cause => cause)
  expect(inspect(error, { depth: 9 })).not.toContain(app.appSecret)
})

describe('configuration', () => {
  test('a list of tenants names the app\u2019s own tenant, and nothing else is known', () => {
    const provider = feishu({ ...app, tenants: ['acme'] })
    expect(provider.knows!(parseRef('feishu/tenant/acme'))).toBe(true)
    expect(provider.knows!(parseRef('feishu/tenant/constructor'))).toBe(false)
    expect(provider.knows!(parseRef('feishu/app'))).toBe(true)
    expect(feishu(app).knows!(parseRef('feishu/tenant/anything'))).toBe(true)
    expect(feishu({ tenants: { acme: app } }).knows!(parseRef('feishu/tenant/constructor'))).toBe(false)
  })

  test('identity is type, host and app; the secret changes only the credential version', () => {
    const before = feishu(app)
    const after = feishu({ ...app, appSecret: 'another' })
    expect(identityOf(before, parseRef(ref))).toBe('feishu|open.feishu.cn|cli_a1')
    expect(identityOf(after, parseRef(ref))).toBe(identityOf(before, parseRef(ref)))
    expect(after.credentialVersion).not.toBe(before.credentialVersion)
    expect(feishu(app).credentialVersion).toBe(before.credentialVersion)
  })

  const wrong = [
    [{ ...app, appSecret: '' }, 'appSecret'],
    [{ ...app, appSecret: undefined }, 'appSecret'],
    [{}, 'appId'],
    [{ tenants: {} }, 'appId'],
    [{ ...app, baseUrl: 'http://open.feishu.cn' }, 'not encrypted'],
    [{ ...app, baseUrl: 'open.feishu.cn' }, 'baseUrl'],
    [{ ...app, baseUrl: 'https://me:pass@open.feishu.cn' }, 'baseUrl'],
    [{ ...app, baseURL: 'https://open.feishu.cn' }, 'baseURL'],
    [{ ...app, tenants: [''] }, 'subject'],
    [{ ...app, tenants: { acme: { appId: 'x' } } }, 'tenants["acme"].appSecret'],
    [{ ...app, timeoutSeconds: Number.NaN }, 'timeoutSeconds'],
    [{ ...app, quota: { perSecond: 0 } }, 'quota'],
  ] as const
  for (const [options, named] of wrong) {
    test(`a wrong configuration is refused and names what is wrong: ${named}`, () => {
      const make = () => feishu(options as never)
      expect(make).toThrowError(expect.objectContaining({ code: 'invalid_configuration' }))
      expect(make).toThrowError(named)
      expect(make).not.toThrowError(app.appSecret)
    })
  }
})
