import { providerFailure } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import { staticToken } from 'hotwell/providers/static'
import { expect, test, vi } from 'vitest'
import { ask, start, startWorld } from '../start.ts'

test('ready once each token of the manifest is warm or has failed once, and then for good', async () => {
  const { lark, providers } = await startWorld()
  lark.setSecret('cli_1', 'another')
  const opened = Promise.withResolvers<void>()
  const slow = custom({
    kinds: ['client'],
    acquire: async () => {
      await opened.promise
      return { value: 'slow-token', expiresInSeconds: 3600 }
    },
  })
  const manifest = ['feishu/tenant/acme', 'feishu/tenant/refresh', 'slow/client']
  const server = await start({ providers: { ...providers, slow }, manifest })
  await vi.waitFor(async () => {
    const reply = await ask(server.url, '/readyz')
    expect(reply).toMatchObject({ status: 503, json: { ready: false, pending: ['slow/client'] } })
    expect(reply.json.manifest).toEqual({ warm: 1, failed: 1, pending: 1 })
  }, 10_000)
  opened.resolve()
  await vi.waitFor(async () => expect((await ask(server.url, '/readyz')).status).toBe(200), 10_000)
  const ready = await ask(server.url, '/readyz')
  expect(ready.json).toMatchObject({
    manifest: { warm: 2, failed: 1, pending: 0 },
    failed: [{ ref: 'feishu/tenant/refresh', code: 'credentials_rejected' }],
  })
  await server.tokens.token('slow/client').invalidate()
  expect((await ask(server.url, '/readyz')).status).toBe(200)
})

test('ready at the latest after readyTimeoutSeconds', async () => {
  const never = custom({
    kinds: ['client'],
    acquire: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  })
  const server = await start({
    providers: { never },
    manifest: ['never/client'],
    readyTimeoutSeconds: 0.3,
    gate: { acquisitionTimeoutSeconds: 2 },
  })
  expect((await ask(server.url, '/readyz')).status).toBe(503)
  await vi.waitFor(async () => expect((await ask(server.url, '/readyz')).status).toBe(200), 5000)
})

test('metrics are in the text format, count tokens and replies, and name no subject', async () => {
  const { providers } = await startWorld()
  const server = await start({ providers, history: {} })
  for (let i = 0; i < 3; i++) await ask(server.url, '/api/v1/tokens/feishu/tenant/acme')
  await ask(server.url, '/api/v1/tokens/nobody/app')
  await ask(server.url, '/readyz')
  const reply = await ask(server.url, '/metrics')
  expect(reply.headers['content-type']).toContain('text/plain; version=0.0.4')
  expect(reply.text).toContain('hotwell_token_cache_hits_total{kind="tenant"} 2')
  expect(reply.text).toContain('hotwell_token_cache_misses_total{kind="tenant"} 1')
  expect(reply.text).toContain(
    'hotwell_token_acquisitions_total{provider="feishu",kind="tenant",status="success",trigger="no_token"} 1',
  )
  expect(reply.text).toMatch(/hotwell_token_acquisition_seconds_count\{provider="feishu",kind="tenant"\} 1/)
  expect(reply.text).toContain('hotwell_http_requests_total{route="/api/v1/tokens/{ref}",status="200"} 3')
  expect(reply.text).toContain('hotwell_http_requests_total{route="/api/v1/tokens/{ref}",status="404"} 1')
  expect(reply.text).toContain('hotwell_http_requests_total{route="/readyz",status="200"} 1')
  for (const name of ['gate_running', 'gate_waiting', 'history_records_total', 'preheat_scheduled']) {
    expect(reply.text).toContain(`# TYPE hotwell_${name} `)
  }
  expect(reply.text).not.toContain('acme')
})

test('the page shows each token and its state, escapes what it shows, and never shows a value', async () => {
  const fixed = staticToken({ value: 'the-value', kind: 'user' })
  const hostile = custom({
    kinds: ['client'],
    acquire: async () => {
      throw providerFailure({ code: 'credentials_rejected', message: '<script>alert("hostile")</script>' })
    },
  })
  const server = await start({ providers: { fixed, hostile } })
  await server.tokens.token('fixed/user/anna').get()
  await server.tokens
    .token('hostile/client')
    .get()
    .catch(() => undefined)
  const reply = await ask(server.url, '/')
  expect(reply.status).toBe(200)
  expect(reply.headers['content-type']).toBe('text/html; charset=utf-8')
  expect(reply.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/)
  expect(reply.text).toContain('fixed/user/anna')
  expect(reply.text).toContain('&#60;script&#62;alert(&#34;hostile&#34;)')
  expect(reply.text).not.toContain('<script')
  expect(reply.text).not.toContain('-value')
  for (const [, link] of reply.text.matchAll(/href="([^"]+)"/g)) {
    expect((await ask(server.url, link!)).status, link).toBe(200)
  }
})

test('the documentation page loads everything it needs from this server', async () => {
  const server = await start({})
  const page = await ask(server.url, '/docs')
  expect(page.status).toBe(200)
  expect(page.headers['content-security-policy']).toContain("script-src 'self'")
  const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!)
  expect(assets.length).toBeGreaterThan(3)
  for (const asset of assets) {
    expect(asset).not.toMatch(/^(?:https?:)?\/\//)
    const url = new URL(asset, `${server.url}/docs`)
    expect((await ask(server.url, url.pathname)).status, asset).toBe(200)
  }
})
