import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isHotwellError } from '../../src/core/errors.ts'
import type { HostileReply } from '../../src/testing/hostile-replies.ts'
import { acquire } from '../../src/testing/provider-contract.ts'
import { failureOf } from '../../src/tokens/failure.ts'
import { clientCredentials } from '../../src/tokens/providers/client-credentials.ts'
import { feishu } from '../../src/tokens/providers/feishu.ts'
import { type LocalUpstream, startLocalUpstream } from './local-upstream.ts'

const numRuns = process.env.HOTWELL_TEST_SCALE === 'long' ? 5000 : 250
const secret = 'secret/0123456789+of=this test'
let server: LocalUpstream
let reply: HostileReply
beforeAll(async () => {
  server = await startLocalUpstream(() => reply)
})
afterAll(() => server.close())

const subjects = {
  feishu: () => ({ provider: feishu({ appId: 'cli_a1', appSecret: secret, baseUrl: server.url }), ref: 'f/tenant/a' }),
  clientCredentials: () => ({
    provider: clientCredentials({ tokenEndpoint: server.url, clientId: 'crm', clientSecret: secret }),
    ref: 'crm/client',
  }),
}

const anything = fc.oneof(fc.jsonValue(), fc.constant(secret), fc.string(), fc.double(), fc.integer())
/** Objects whose fields bear the names that matter, holding anything. */
const nearly = fc.record(
  {
    code: fc.oneof(fc.constantFrom(0, '0', 10014, 99991400, 99991663), anything),
    msg: anything,
    expire: fc.oneof(fc.integer({ min: 1, max: 7200 }), anything),
    tenant_access_token: fc.oneof(fc.string(), anything),
    access_token: fc.oneof(fc.string(), anything),
    token_type: fc.oneof(fc.constantFrom('bearer', 'Bearer', 'dpop'), anything),
    expires_in: fc.oneof(fc.integer({ min: 1, max: 7200 }), anything),
    scope: anything,
    id_token: anything,
    refresh_token: anything,
    error: fc.oneof(fc.constantFrom('invalid_client', 'server_error', '__proto__'), anything),
    error_description: anything,
  },
  { requiredKeys: [] },
)
const body = fc.oneof(
  { weight: 6, arbitrary: nearly.map(value => JSON.stringify(value)) },
  fc.jsonValue().map(value => JSON.stringify(value)),
  fc.string(),
  fc.uint8Array({ maxLength: 200 }),
)
const headers = fc.record(
  {
    'content-type': fc.constantFrom('application/json', 'text/html', 'application/octet-stream', '/;='),
    'retry-after': fc.constantFrom('1', '-1', '1e9', 'soon', '99999999999999999999', 'Thu, 01 Jan 2099 00:00:00 GMT'),
    date: fc.constantFrom('x', '0', 'Thu, 01 Jan 1970 00:00:00 GMT'),
    location: fc.constantFrom('/', 'http://[', '//evil.example.com'),
  },
  { requiredKeys: [] },
)
const status = fc.oneof(fc.constant(200), fc.constantFrom(201, 204, 302, 400, 401, 403, 404, 408, 429, 500, 503))

for (const [name, subject] of Object.entries(subjects)) {
  test(`${name}: whatever comes back is a sound token or a sorted error that shows no secret`, async () => {
    let tokens = 0
    await fc.assert(
      fc.asyncProperty(status, headers, body, async (code, fields, content) => {
        reply = { status: code, headers: fields as Record<string, string>, body: content }
        const outcome = await acquire(subject()).catch((error: unknown) => ({ error }))
        if ('error' in outcome) {
          const { error } = outcome
          expect(isHotwellError(error), inspect(error)).toBe(true)
          expect(failureOf(error).status).not.toBe('success')
          const retryAfterMs = failureOf(error).retryAfterMs ?? 0
          expect(retryAfterMs >= 0 && retryAfterMs <= 3_600_000).toBe(true)
          expect(`${inspect(error, { depth: 9 })}${JSON.stringify(error)}`).not.toContain(secret)
          return
        }
        tokens++
        expect(outcome.value).not.toBe('')
        expect(outcome.expiresInSeconds).toBeGreaterThan(0)
        expect(outcome.expiresInSeconds).toBeLessThan(Infinity)
      }),
      {
        numRuns,
        examples: [
          [200, {}, '{"code":0,"tenant_access_token":"t","expire":60}'],
          [200, {}, good],
        ],
      },
    )
    expect(tokens).toBeGreaterThan(0)
  })
}

const good = '{"access_token":"t","token_type":"Bearer","expires_in":60}'
