import fc from 'fast-check'
import { createTokenManager, isHotwellError } from 'hotwell'
import { clientCredentials } from 'hotwell/providers/client-credentials'
import { feishu } from 'hotwell/providers/feishu'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { hostileRefs } from './hostile-refs.ts'
import { type RawReply, rawRequest } from './raw-http.ts'
import { type Ending, temporaryFolder, tokenServer } from './scene.ts'
import { crm, type Served, serve } from './served.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const lark = { baseUrl: 'http://127.0.0.1:9', appId: 'cli_x', appSecret: 'secret', tenants: { acme: {} } }

let server: Served
let url: string
let first: string
const endings: (() => unknown)[] = []

beforeAll(async () => {
  const ending: Ending = { onTestFinished: end => void endings.push(end as () => unknown) }
  const issuer = await tokenServer(ending, { lifeSeconds: 3600 })
  const { acme } = { acme: { appId: 'cli_acme', appSecret: 'secret' } }
  server = await serve(ending, await temporaryFolder(ending), {
    dataDir: 'data',
    providers: {
      crm: crm(issuer.tokenEndpoint, { scopes: ['read'] }),
      lark: { use: 'hotwell/providers/feishu', ...lark, tenants: { acme } },
    },
  })
  ;({ url } = server)
  first = await server.token('crm/client')
  return async () => {
    for (const end of endings.reverse()) await end()
  }
})

/** A reply that is a problem document with this status and code, and says nothing else than it should. */
function expectProblem(reply: RawReply | undefined, status: number, code: string): void {
  if (!reply) throw new Error('The server hung up without a reply')
  const type = reply.headers.get('content-type') ?? ''
  expect({ status: reply.status, type, body: reply.body }).toMatchObject({
    status,
    type: expect.stringMatching(/^application\/problem\+json/),
  })
  const problem = JSON.parse(reply.body)
  expect(problem).toMatchObject({ status, code, type: `urn:hotwell:error:${code}` })
  expect(problem.title).toMatch(/\w/)
  expect(problem.detail).toMatch(/\w/)
  expect(reply.body).not.toMatch(/node_modules|\.ts:\d|at async/)
}

/** Whatever was asked before: the server lives and has lost nothing. */
async function expectUnharmed(): Promise<void> {
  expect(await server.token('crm/client')).toBe(first)
}

describe('over HTTP', () => {
  test.for(hostileRefs)('%s is refused with a problem document', async ([, path, status, code]) => {
    expectProblem(await rawRequest(url, { target: `/api/v1/tokens/${path}` }), status, code)
  })

  const actions: [string, string, Parameters<typeof rawRequest>[1], number, string][] = [
    ['an action asked for by GET', 'refresh', {} as never, 405, 'method_not_allowed'],
    ['an action that nobody knows', 'destroy', { method: 'POST' } as never, 404, 'not_found'],
    ['a body that is no JSON', 'invalidate', { method: 'POST', body: '{"token":' } as never, 400, 'invalid_request'],
    [
      'a body of the wrong form',
      'invalidate',
      { method: 'POST', body: '{"token":7}' } as never,
      400,
      'invalid_request',
    ],
    ['a body that is a list', 'invalidate', { method: 'POST', body: '[]' } as never, 400, 'invalid_request'],
    [
      'a body of a megabyte',
      'invalidate',
      { method: 'POST', body: 'x'.repeat(1e6) } as never,
      413,
      'payload_too_large',
    ],
    ['a parameter that nobody knows', 'refresh?force=1', { method: 'POST' } as never, 400, 'invalid_request'],
  ]
  test.for(actions)('%s is refused with a problem document', async ([, action, request, status, code]) => {
    const headers: Record<string, string> = request.body ? { 'content-type': 'application/json' } : {}
    const target = `/api/v1/tokens/crm/client/-/${action}`
    expectProblem(await rawRequest(url, { ...request, headers, target }), status, code)
    await expectUnharmed()
  })

  const evil = 'http://evil.example'
  const strangers: [string, Record<string, string | string[]>][] = [
    ['a name that was rebound to this machine', { host: 'evil.example' }],
    ['a name that begins like this machine', { host: 'localhost.evil.example' }],
    ['a name that holds this machine', { host: '127.0.0.1.nip.io' }],
    ['a name with a user', { host: 'localhost:8000@evil.example' }],
    ['an address of another network', { host: '10.0.0.1' }],
    ['no name at all', { host: '' }],
    ['a foreign origin', { origin: evil }],
    ['an origin that is null', { origin: 'null' }],
    ['an origin of this machine on another port', { origin: 'http://localhost:1' }],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a proxy', { forwarded: 'for=10.0.0.1' }],
    ['a proxy of the old kind', { 'x-forwarded-for': '127.0.0.1' }],
    ['a proxy that names a host', { 'X-Forwarded-Host': 'localhost' }],
  ]
  const targets = [
    { method: 'GET', target: '/api/v1/tokens/crm/client' },
    { method: 'POST', target: '/api/v1/tokens/crm/client/-/refresh' },
    { method: 'POST', target: '/api/v1/tokens/crm/client/-/invalidate' },
    { method: 'GET', target: '/metrics' },
    { method: 'GET', target: '/nowhere' },
  ]
  test.for(strangers)('%s reaches no token, no action and no page', async ([, headers]) => {
    for (const request of targets) expectProblem(await rawRequest(url, { ...request, headers }), 403, 'forbidden')
    await expectUnharmed()
  })

  test('a form of another site changes nothing, in any of the types that a browser sends without asking', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const request = { method: 'POST', target: '/api/v1/tokens/crm/client/-/invalidate', body: '{"token":"x"}' }
      const crossSite = { 'content-type': type, origin: evil, 'sec-fetch-site': 'cross-site' }
      expectProblem(await rawRequest(url, { ...request, headers: crossSite }), 403, 'forbidden')
      expectProblem(
        await rawRequest(url, { ...request, headers: { 'content-type': type } }),
        415,
        'unsupported_media_type',
      )
    }
    await expectUnharmed()
  })

  test('a request from this machine itself is served, so what is refused above is refused for its reason', async () => {
    const { host } = new URL(url)
    const harmless: Record<string, string>[] = [{}, { origin: `http://${host}` }, { 'sec-fetch-site': 'same-origin' }]
    for (const headers of harmless) {
      expect((await rawRequest(url, { target: '/api/v1/tokens/crm/client', headers }))?.status).toBe(200)
    }
  })

  const broken: [string, Parameters<typeof rawRequest>[1], number, string?][] = [
    ['a target of 40 kB', { target: `/api/v1/tokens/crm/${'x'.repeat(40_000)}` }, 431, 'headers_too_large'],
    ['headers of 40 kB', { target: '/', headers: { 'x-long': 'x'.repeat(40_000) } }, 431, 'headers_too_large'],
    ['two lengths', { target: '/', method: 'POST', headers: { 'content-length': ['1', '2'] } }, 400],
    [
      'a length and chunks',
      { target: '/', method: 'POST', headers: { 'content-length': '1', 'transfer-encoding': 'chunked' } },
      400,
    ],
    ['a line break in a header', { target: '/', headers: { 'x-a': 'b\rc' } }, 400],
    ['a method that is none', { target: '/', method: 'G€T' }, 400],
  ]
  test.for(broken)(
    '%s, which is no HTTP that can be served, gets a problem document, too',
    async ([, request, status, code = 'invalid_request']) => {
      expectProblem(await rawRequest(url, request), status, code)
      await expectUnharmed()
    },
  )

  test('whatever stands in a path, the reply is a token of that very ref or a problem document below 500', async () => {
    const encoded = fc.uint8Array({ minLength: 1, maxLength: 40 }).map(list => {
      return [...list].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('')
    })
    const word = fc.constantFrom(
      'crm',
      'client',
      'lark',
      'tenant',
      'acme',
      '-',
      'refresh',
      '..',
      '%2f',
      '?scope=read',
      '&',
    )
    const path = fc.array(fc.oneof(word, encoded, fc.constant('/')), { maxLength: 8 }).map(parts => parts.join(''))
    await fc.assert(
      fc.asyncProperty(path, async rest => {
        const reply = await rawRequest(url, { target: `/api/v1/tokens/${rest}` })
        if (!reply) throw new Error('no reply')
        if (reply.status === 200) return
        // Only a real ref of the provider that cannot be reached fails above the line.
        if (reply.status >= 500 && !/^lark\/(app|tenant\/acme)$/.test(rest)) throw new Error(reply.body)
        expect(JSON.parse(reply.body)).toMatchObject({ status: reply.status, code: expect.any(String) })
      }),
      { numRuns: long ? 20_000 : 250 },
    )
    await expectUnharmed()
  })
})

describe('in the library', () => {
  function manager() {
    const tokens = createTokenManager({
      providers: {
        crm: clientCredentials({
          tokenEndpoint: 'http://127.0.0.1:9/',
          clientId: 'crm',
          clientSecret: 'secret',
          scopes: ['read'],
        }),
        lark: feishu({ ...lark, tenants: { acme: { appId: 'cli_acme', appSecret: 'secret' } } }),
      },
      preheat: false,
    })
    onTestFinished(() => tokens.close())
    return tokens
  }
  const codeOf = (run: () => unknown) => {
    try {
      run()
      return 'taken'
    } catch (error) {
      return isHotwellError(error) ? error.code : error
    }
  }

  test('the same refs are refused with the same codes', () => {
    const tokens = manager()
    // What only HTTP has: its own parameters, and bytes outside of ASCII that nobody encoded.
    const ours = hostileRefs.filter(([, , , code]) => code !== 'invalid_request')
    expect(ours.length).toBeGreaterThan(30)
    for (const [what, ref, , code] of ours)
      expect([what, codeOf(() => tokens.token(ref as never))]).toEqual([what, code])
    expect(tokens.list()).toEqual([])
  })

  test('parts of a ref that are no text, or no ref, are refused with a code', () => {
    const tokens = manager()
    const wrong: unknown[] = [
      undefined,
      null,
      7,
      {},
      [],
      () => {},
      Symbol('x'),
      { provider: 'crm' },
      { provider: 7, kind: 7 },
    ]
    const parts = { provider: 'lark', kind: 'tenant' }
    const subjects = ['', '..', 'a\u0000', '\ud800', 'x'.repeat(257), 7, null, {}, ['acme']]
    for (const given of [...wrong, ...subjects.map(subject => ({ ...parts, subject }))]) {
      expect([given, codeOf(() => tokens.token(given as never))]).toEqual([given, 'invalid_ref'])
    }
    expect(tokens.list()).toEqual([])
  })

  test('any text at all is refused with a code, or names a token by a canonical ref that names itself', () => {
    const tokens = manager()
    const word = fc.constantFrom(
      'crm',
      'client',
      'lark',
      'tenant',
      'acme',
      '/',
      '?',
      'scope=',
      'read',
      '%',
      '=',
      '&',
      '+',
    )
    const mixed = fc
      .array(fc.oneof(word, fc.string({ unit: 'binary', maxLength: 5 })), { maxLength: 9 })
      .map(parts => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(mixed, fc.string({ unit: 'binary' })), text => {
        try {
          const { ref } = tokens.token(text as 'crm/client')
          expect(tokens.token(ref as 'crm/client').ref).toBe(ref)
        } catch (error) {
          expect(isHotwellError(error) && error.code).toMatch(/^(invalid_ref|unknown_(provider|kind|subject))$/)
        }
      }),
      { numRuns: long ? 200_000 : 3000 },
    )
  })
})
