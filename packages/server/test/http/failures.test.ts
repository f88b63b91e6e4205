import { HotwellError } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import { expect, test } from 'vitest'
import { problemReply } from '../../src/http/problem.ts'
import { appSecret, ask, start, startWorld } from '../start.ts'

test('a provider that limits the rate is a 503 with Retry-After', async () => {
  const { lark, providers } = await startWorld()
  lark.faults.set({ rate429: 1, retryAfterSeconds: 120 })
  const server = await start({ providers, gate: { acquisitionTimeoutSeconds: 1 } })
  const reply = await ask(server.url, '/api/v1/tokens/feishu/tenant/acme')
  expect(reply).toMatchObject({ status: 503, json: { code: 'rate_limited', retryable: true } })
  expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(1)
})

test('a wrong secret is a 502 that does not tell the secret, and the next caller is told at once', async () => {
  const { lark, providers } = await startWorld()
  lark.setSecret('cli_0', 'another')
  const server = await start({ providers })
  const path = '/api/v1/tokens/feishu/tenant/acme'
  const reply = await ask(server.url, path)
  expect(reply).toMatchObject({ status: 502, json: { code: 'credentials_rejected', retryable: false, instance: path } })
  expect(reply.text).not.toContain(appSecret)
  const asked = lark.requests.total
  expect((await ask(server.url, path)).status).toBe(502)
  expect(lark.requests.total).toBe(asked)
  const list = await ask(server.url, '/api/v1/tokens')
  expect(list.json.tokens[0]).toMatchObject({ state: 'failed', failure: { code: 'credentials_rejected' } })
  expect(list.text).not.toContain(appSecret)
})

test('an error of a provider that nobody foresaw is a problem too, and the server keeps running', async () => {
  const broken = custom({
    kinds: ['client'],
    acquire: async () => {
      throw new TypeError('boom with secret-in-a-message')
    },
  })
  const server = await start({ providers: { broken }, gate: { acquisitionTimeoutSeconds: 1 } })
  const reply = await ask(server.url, '/api/v1/tokens/broken/client')
  expect(reply.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  expect(reply.status).toBeGreaterThanOrEqual(500)
  expect((await ask(server.url, '/healthz')).status).toBe(200)
})

test('every retryable 503 says when to come again, and unforeseen errors tell nothing of themselves', () => {
  const limited = problemReply(new HotwellError('rate_limited', 'Wait.', { retryAfterMs: 1500 }), '/a?key=secret')
  expect(limited.headers['retry-after']).toBe('2')
  expect(limited.problem.instance).toBe('/a')
  expect(problemReply(new HotwellError('queue_timeout', 'Wait.'), '/').headers['retry-after']).toBe('1')
  const full = problemReply(new HotwellError('queue_full', 'A thousand wait already.'), '/')
  expect(full.problem).toMatchObject({ status: 503, code: 'queue_full', retryable: true })
  expect(full.headers['retry-after']).toBe('1')
  expect(problemReply(new HotwellError('store_unreadable', 'No.'), '/').headers['retry-after']).toBeUndefined()
  const unforeseen = problemReply(new Error('password is hunter2'), '/')
  expect(unforeseen).toMatchObject({ unforeseen: true, problem: { status: 500, code: 'internal_error' } })
  expect(JSON.stringify(unforeseen)).not.toContain('hunter2')
})
