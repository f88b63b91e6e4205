import { startOpenIdProvider } from '@hotwell/sandbox'
import { afterEach, describe, expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { acquire } from '../../src/testing/provider-contract.ts'
import { failureOf } from '../../src/tokens/failure.ts'
import { type ClientCredentialsOptions, clientCredentials } from '../../src/tokens/providers/client-credentials.ts'
import { json, type LocalUpstream, type Seen, startLocalUpstream } from './local-upstream.ts'

const client = { clientId: 'crm', clientSecret: 'secret: of % crm & co' }
const ref = 'crm/client'
const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function upstream(respond: LocalUpstream['respond']): Promise<LocalUpstream> {
  const server = await startLocalUpstream(respond)
  cleanups.push(() => server.close())
  return server
}

const good = { access_token: 'at-1', token_type: 'bearer', expires_in: 60 }

async function outcomeOf(reply: ReturnType<typeof json>, options: Partial<ClientCredentialsOptions> = {}) {
  const { url } = await upstream(() => reply)
  const provider = clientCredentials({ tokenEndpoint: url, ...client, ...options })
  return acquire({ provider, ref }).then(
    token => ({ token, code: undefined, message: '' }),
    error => ({ code: error.code, message: error.message, retryAfterMs: error.retryAfterMs, ...failureOf(error) }),
  )
}

/** An issuer whose metadata can be told. */
async function issuer(metadata: (url: string, request: Seen) => ReturnType<typeof json> | 'cut' | 'hang') {
  const server = await upstream(request => (request.path === '/token' ? json(good) : metadata(server.url, request)))
  return server
}
const asked = (server: LocalUpstream, part: string) => server.seen.filter(({ path }) => path.includes(part)).length

describe('against a certified OpenID provider', () => {
  async function provider(options: Partial<ClientCredentialsOptions> = {}) {
    const server = await startOpenIdProvider({ clients: [{ ...client, scopes: ['read', 'write'] }] })
    cleanups.push(() => server.close())
    return { server, provider: clientCredentials({ issuer: server.url, ...client, ...options }) }
  }

  for (const authMethod of ['client_secret_basic', 'client_secret_post'] as const) {
    test(`a token by discovery and ${authMethod}`, async () => {
      const { provider: crm } = await provider({ authMethod, scope: 'read' })
      const token = await acquire({ provider: crm, ref })
      expect(token).toMatchObject({ scope: 'read', expiresInSeconds: 7200 })
    })
  }

  test('a ref\u2019s scope and audience are what is asked for', async () => {
    const { provider: crm } = await provider({
      scopes: ['read', 'write'],
      audiences: ['https://api.example.com'],
      scope: 'read',
    })
    expect(crm.parameters).toEqual(['scope', 'audience'])
    expect((await acquire({ provider: crm, ref: 'crm/client?scope=write' })).scope).toBe('write')
    const { value } = await acquire({ provider: crm, ref: 'crm/client?audience=https%3A%2F%2Fapi.example.com' })
    const claims = JSON.parse(Buffer.from(value.split('.')[1]!, 'base64url').toString())
    expect(claims.aud).toBe('https://api.example.com')
  })

  test('a wrong secret stops the provider, a strange scope only its ref', async () => {
    const { server, provider: crm } = await provider({ scope: 'admin' })
    const strange = await acquire({ provider: crm, ref }).catch(cause => cause)
    expect(failureOf(strange)).toMatchObject({ disposition: 'terminal', scope: 'ref' })
    expect(strange.message).toContain('invalid_scope')
    const wrong = clientCredentials({ issuer: server.url, ...client, clientSecret: 'wrong' })
    const error = await acquire({ provider: wrong, ref }).catch(cause => cause)
    expect(error.code).toBe('credentials_rejected')
    expect(failureOf(error)).toMatchObject({ disposition: 'terminal', scope: 'provider' })
  })
})

describe('errors of RFC 6749 section 5.2', () => {
  const cases = [
    ['invalid_client', 401, 'credentials_rejected', 'terminal', 'provider'],
    ['unauthorized_client', 400, 'credentials_rejected', 'terminal', 'provider'],
    ['invalid_grant', 400, 'credentials_rejected', 'terminal', 'ref'],
    ['invalid_scope', 400, 'provider_error', 'terminal', 'ref'],
    ['invalid_request', 400, 'provider_error', 'terminal', 'ref'],
    ['unsupported_grant_type', 400, 'provider_error', 'terminal', 'ref'],
    ['invalid_target', 400, 'provider_error', 'terminal', 'ref'],
    ['temporarily_unavailable', 400, 'provider_error', 'retryable', 'ref'],
    ['server_error', 500, 'provider_error', 'retryable', 'ref'],
    ['invalid_client', 503, 'provider_error', 'retryable', 'ref'],
    ['invalid_client', 200, 'credentials_rejected', 'terminal', 'provider'],
    ['made_up', 400, 'provider_error', 'terminal', 'ref'],
    ['slow_down', 429, 'rate_limited', 'retryable', 'provider'],
    ['constructor', 400, 'provider_error', 'terminal', 'ref'],
  ] as const
  for (const [name, status, code, disposition, scope] of cases) {
    test(`${name} with HTTP ${status} is ${code}, ${disposition}`, async () => {
      const outcome = await outcomeOf(json({ error: name, error_description: 'as documented' }, status))
      expect(outcome).toMatchObject({ code, disposition, scope })
      expect(outcome.message).toContain(`${name}, "as documented"`)
    })
  }

  test('the error field counts, not a word in its description', async () => {
    const outcome = await outcomeOf(json({ error: 'invalid_scope', error_description: 'not invalid_client' }, 400))
    expect(outcome).toMatchObject({ code: 'provider_error', scope: 'ref' })
  })

  test('HTTP 401 without a word is a rejected client; 408 is tried again', async () => {
    expect(await outcomeOf(json(null, 401))).toMatchObject({ code: 'credentials_rejected', scope: 'provider' })
    expect(await outcomeOf(json(null, 408))).toMatchObject({ disposition: 'retryable' })
  })

  test('a wait asked for as a date is counted from now', async () => {
    const date = new Date(Date.now() + 90_000).toUTCString()
    const { retryAfterMs } = (await outcomeOf(json({}, 429, { 'retry-after': date }))) as { retryAfterMs: number }
    expect(retryAfterMs).toBeGreaterThan(80_000)
    expect(retryAfterMs).toBeLessThanOrEqual(90_000)
  })

  test('an outcome that is not known may be tried again', async () => {
    expect(await outcomeOf({ ...json(null), body: 'garbage' })).toMatchObject({ disposition: 'retryable' })
    const { url, seen } = await upstream(() => 'hang')
    const clock = new FakeClock()
    const provider = clientCredentials({ tokenEndpoint: url, ...client, timeoutSeconds: 5 })
    const outcome = acquire({ provider, ref }, undefined, { clock }).catch(cause => cause)
    while (seen.length === 0) await new Promise(resolve => setImmediate(resolve))
    await clock.advance(5000)
    const error = await outcome
    expect(error.code).toBe('timeout')
    expect(failureOf(error)).toMatchObject({ disposition: 'retryable', status: 'timeout' })
  })
})

describe('the token\u2019s reply', () => {
  test('a missing life is the configured one, 300 s by default', async () => {
    const reply = json({ ...good, expires_in: undefined })
    expect(await outcomeOf(reply)).toMatchObject({ token: { expiresInSeconds: 300 } })
    const configured = await outcomeOf(reply, { expiresInSecondsWhenAbsent: 1800 })
    expect(configured).toMatchObject({ token: { expiresInSeconds: 1800 } })
  })

  test('the Date header is handed on, unless the reply lay in a cache', async () => {
    const date = 'Thu, 01 Jan 2026 00:00:00 GMT'
    const fresh = await outcomeOf(json(good, 200, { date }))
    expect(fresh).toMatchObject({ token: { serverDate: Date.UTC(2026, 0, 1) } })
    const cached = await outcomeOf(json(good, 200, { date, age: '30' }))
    expect(cached).toMatchObject({ token: { value: 'at-1' } })
    expect(cached).not.toHaveProperty('token.serverDate')
  })

  test('a token of another type than bearer is refused', async () => {
    for (const token_type of ['DPoP', 'mac', undefined]) {
      expect(await outcomeOf(json({ ...good, token_type }))).toMatchObject({ code: 'provider_error' })
    }
  })
})

describe('discovery', () => {
  const metadata = (url: string) => json({ issuer: url, token_endpoint: `${url}/token` })

  test('a hundred callers, one request for the metadata, kept for an hour', async () => {
    const server = await issuer(metadata)
    const provider = clientCredentials({ issuer: server.url, ...client })
    const clock = new FakeClock()
    await Promise.all(Array.from({ length: 100 }, () => acquire({ provider, ref }, undefined, { clock })))
    expect(asked(server, 'well-known')).toBe(1)
    await clock.advance(3_599_000)
    await acquire({ provider, ref }, undefined, { clock })
    expect(asked(server, 'well-known')).toBe(1)
    await clock.advance(1000)
    await acquire({ provider, ref }, undefined, { clock })
    expect(asked(server, 'well-known')).toBe(2)
  })

  test('a failure is not kept', async () => {
    let ill = true
    const server = await issuer(url => (ill ? json({}, 503) : metadata(url)))
    const provider = clientCredentials({ issuer: server.url, ...client })
    const error = await acquire({ provider, ref }).catch(cause => cause)
    expect(failureOf(error)).toMatchObject({ disposition: 'retryable' })
    ill = false
    expect(await acquire({ provider, ref })).toMatchObject({ value: 'at-1' })
  })

  test('a caller who leaves takes nothing away from the others', async () => {
    const reply = Promise.withResolvers<void>()
    const server = await startLocalUpstream(async ({ path }) => {
      if (path === '/token') return json(good)
      await reply.promise
      return metadata(server.url)
    })
    cleanups.push(() => server.close())
    const provider = clientCredentials({ issuer: server.url, ...client })
    const leaving = new AbortController()
    const left = acquire({ provider, ref }, leaving.signal).catch(cause => cause)
    const stays = acquire({ provider, ref })
    while (server.seen.length === 0) await new Promise(resolve => setImmediate(resolve))
    const reason = new Error('left')
    leaving.abort(reason)
    expect(await left).toBe(reason)
    reply.resolve()
    expect(await stays).toMatchObject({ value: 'at-1' })
    expect(asked(server, 'well-known')).toBe(1)
  })

  test('when all have left, the request is dropped and the next one starts anew', async () => {
    const dropped = Promise.withResolvers<void>()
    let hangs = true
    const server = await upstream(({ path }, response) => {
      if (path === '/token') return json(good)
      if (!hangs) return metadata(server.url)
      response.on('close', dropped.resolve)
      return 'hang'
    })
    const provider = clientCredentials({ issuer: server.url, ...client })
    const leaving = new AbortController()
    const left = acquire({ provider, ref }, leaving.signal).catch(() => 'left')
    while (server.seen.length === 0) await new Promise(resolve => setImmediate(resolve))
    leaving.abort()
    expect(await left).toBe('left')
    await dropped.promise
    hangs = false
    expect(await acquire({ provider, ref })).toMatchObject({ value: 'at-1' })
  })

  test('a server that is no OpenID provider is found by RFC 8414', async () => {
    const server = await issuer((url, { path }) =>
      path.includes('oauth-authorization-server') ? metadata(url) : json({}, 404),
    )
    const provider = clientCredentials({ issuer: server.url, ...client })
    expect(await acquire({ provider, ref })).toMatchObject({ value: 'at-1' })
  })

  const unfit = {
    'of another issuer': () => json({ issuer: 'https://evil.example.com', token_endpoint: 'https://evil.example.com' }),
    'without a token endpoint': (url: string) => json({ issuer: url }),
    'with a token endpoint in the clear': (url: string) => json({ issuer: url, token_endpoint: 'http://192.0.2.1/' }),
    'with a token endpoint of another protocol': (url: string) => json({ issuer: url, token_endpoint: 'file:///x' }),
    'that is nowhere': () => json({}, 404),
  }
  for (const [what, reply] of Object.entries(unfit)) {
    test(`metadata ${what} is refused before the secret leaves`, async () => {
      const server = await issuer(reply)
      const error = await acquire({ provider: clientCredentials({ issuer: server.url, ...client }), ref }).catch(
        cause => cause,
      )
      expect(error.code).toBe('provider_error')
      expect(failureOf(error)).toMatchObject({ disposition: 'terminal', scope: 'provider' })
      expect(asked(server, '/token')).toBe(0)
    })
  }
})

describe('configuration', () => {
  const endpoint = { tokenEndpoint: 'https://id.example.com/token' }
  const wrong = [
    [{ ...client }, 'issuer'],
    [{ ...client, ...endpoint, issuer: 'https://id.example.com' }, 'either'],
    [{ ...client, issuer: 'http://id.example.com' }, 'not encrypted'],
    [{ ...client, tokenEndpoint: 'http://id.example.com' }, 'not encrypted'],
    [{ ...client, ...endpoint, clientSecret: '' }, 'clientSecret'],
    [{ ...client, ...endpoint, authMethod: 'none' }, 'authMethod'],
    [{ ...client, ...endpoint, authMethod: 'constructor' }, 'authMethod'],
    [{ ...client, ...endpoint, baseUrls: ['/relative'] }, 'baseUrls'],
    [{ ...client, ...endpoint, secret: 'x' }, 'no option "secret"'],
  ] as const
  for (const [options, named] of wrong) {
    test(`a wrong configuration is refused and names what is wrong: ${named}`, () => {
      const make = () => clientCredentials(options as never)
      expect(make).toThrowError(expect.objectContaining({ code: 'invalid_configuration' }))
      expect(make).toThrowError(named)
    })
  }

  test('plain http to another machine needs to be allowed', () => {
    expect(clientCredentials({ ...client, issuer: 'http://id.internal', allowInsecure: true }).kinds).toEqual([
      'client',
    ])
    expect(clientCredentials({ ...client, issuer: 'http://[::1]:8080' }).kinds).toEqual(['client'])
  })

  test('a token for another default audience is another token', () => {
    const identities = [undefined, 'a', 'b'].map(
      audience => clientCredentials({ ...client, ...endpoint, audience }).identity,
    )
    expect(new Set(identities).size).toBe(3)
  })
})
