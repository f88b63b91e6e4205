import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type ApiKeyAction, generateKey, type HotwellServer, hashKey } from '@hotwell/server'
import { providerFailure } from 'hotwell'
import { clientCredentials } from 'hotwell/providers/client-credentials'
import { custom } from 'hotwell/providers/custom'
import { staticToken } from 'hotwell/providers/static'
import { expect, onTestFinished, test } from 'vitest'
import { keyFilePath, writeKeyFile } from '../../src/keys/key-file.ts'
import { ask, clientSecret, start, startWorld, temporaryFolder } from '../start.ts'

const path = '/api/v1/tokens/crm/client'
const providers = { crm: staticToken({ tokens: { client: 'token-of-crm' } }) }
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } })
const keyed = (name: string, key: string, refs: string[], actions: ApiKeyAction[]) => ({
  name,
  sha256: hashKey(key),
  refs,
  actions,
})

/** Counts the requests that reach a handler of the framework. */
function watchFramework(): { requests: number } {
  const seen = { requests: 0 }
  const count = () => void seen.requests++
  subscribe('tracing:fastify.request.handler:start', count)
  onTestFinished(() => void unsubscribe('tracing:fastify.request.handler:start', count))
  return seen
}

/** Writes these bytes on one connection, and returns all that comes back until the server ends it. */
function exchange(server: HotwellServer, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.write(bytes))
    let reply = ''
    socket.on('data', chunk => (reply += chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(reply))
  })
}

const count = (text: string, part: string) => text.split(part).length - 1

test('a token that was served before is answered in front of the framework, in the same words', async () => {
  const server = await start({ providers })
  const framework = watchFramework()
  const first = await ask(server.url, path)
  expect(framework.requests).toBe(1)
  const second = await ask(server.url, path)
  expect(framework.requests).toBe(1)
  expect({ ...second, headers: { ...second.headers, date: '' } }).toEqual({
    ...first,
    headers: { ...first.headers, date: '' },
  })
})

test('a hot token is refused to whoever may not have it, with the words of the framework', async () => {
  const [reader, lister, other] = [generateKey(), generateKey(), generateKey()]
  const keys = [
    keyed('reader', reader, ['*'], ['read']),
    keyed('lister', lister, ['*'], ['list']),
    keyed('other', other, ['shop/*'], ['read']),
  ]
  const server = await start({ providers, keys })
  for (let i = 0; i < 2; i++) expect((await ask(server.url, path, bearer(reader))).status).toBe(200)
  for (const [status, code, headers] of [
    [401, 'unauthenticated', {}],
    [401, 'unauthenticated', { authorization: `Bearer ${generateKey()}` }],
    // The first header that could show a key is the one that counts.
    [401, 'unauthenticated', { authorization: 'Basic x', 'x-api-key': reader }],
    [403, 'forbidden', { authorization: `Bearer ${lister}` }],
    [403, 'forbidden', { 'x-api-key': other }],
  ] as const) {
    const reply = await ask(server.url, path, { headers })
    expect(reply, JSON.stringify(code)).toMatchObject({ status, json: { code } })
    expect(reply.text).not.toContain('token-of-crm')
  }
})

test('a hot token is refused without keys to whatever a web page could have sent', async () => {
  const server = await start({ providers })
  const { host } = new URL(server.url)
  for (let i = 0; i < 2; i++) expect((await ask(server.url, path)).status).toBe(200)
  for (const headers of [
    { host: 'evil.example' },
    { host, origin: 'https://evil.example' },
    { host, 'sec-fetch-site': 'cross-site' },
    { host, 'x-forwarded-for': '10.0.0.1' },
  ] as Record<string, string>[]) {
    const reply = await ask(server.url, path, { headers })
    expect(reply, JSON.stringify(headers)).toMatchObject({ status: 403, json: { code: 'forbidden' } })
    expect(reply.text).not.toContain('token-of-crm')
  }
  expect(await exchange(server, `GET ${path} HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 403 /)
})

test('a key that is revoked, or covers less than before, loses a hot token within a second', async () => {
  const dataDir = await temporaryFolder()
  const [gone, narrowed, stays] = [generateKey(), generateKey(), generateKey()]
  const all: [string, string][] = [
    ['gone', gone],
    ['narrowed', narrowed],
    ['stays', stays],
  ]
  await writeKeyFile(
    keyFilePath(dataDir),
    all.map(([name, key]) => keyed(name, key, ['*'], ['read'])),
  )
  const server = await start({ providers, dataDir })
  for (const [, key] of all) expect((await ask(server.url, path, bearer(key))).status).toBe(200)
  await writeKeyFile(keyFilePath(dataDir), [
    keyed('narrowed', narrowed, ['shop/*'], ['read']),
    keyed('stays', stays, ['*'], ['read']),
  ])
  const status = async (key: string) => (await ask(server.url, path, bearer(key))).status
  await expect.poll(() => status(narrowed), { timeout: 5000 }).toBe(403)
  expect(await status(gone)).toBe(401)
  expect(await status(stays)).toBe(200)
})

test('a provider that is taken away, and a scope that is, end what was hot', async () => {
  const { openId } = await startWorld()
  const crm = (scopes: string[]) => clientCredentials({ issuer: openId.issuer, clientId: 'crm', clientSecret, scopes })
  const server = await start({ providers: { crm: crm(['read', 'write']), old: providers.crm } })
  const urls = [`${path}?scope=write`, '/api/v1/tokens/old/client']
  for (let i = 0; i < 2; i++) for (const url of urls) expect((await ask(server.url, url)).status, url).toBe(200)
  server.tokens.reconfigure({ providers: { crm: crm(['read']) } })
  const [scoped, old] = await Promise.all(urls.map(url => ask(server.url, url)))
  expect(scoped).toMatchObject({ status: 400, json: { code: 'invalid_ref' } })
  expect(old).toMatchObject({ status: 404, json: { code: 'unknown_provider' } })
})

test('HEAD, another method, a wish for a longer life and another spelling are what they are without the lane', async () => {
  const server = await start({ providers })
  await ask(server.url, path)
  const framework = watchFramework()
  const get = await ask(server.url, path)
  const head = await ask(server.url, path, { method: 'HEAD' })
  expect(head).toMatchObject({ status: 200, text: '' })
  expect(head.headers['content-length']).toBe(get.headers['content-length'])
  expect(await ask(server.url, path, { method: 'DELETE' })).toMatchObject({
    status: 405,
    headers: { allow: 'GET, HEAD' },
  })
  for (let i = 0; i < 2; i++) expect((await ask(server.url, `${path}?minTtlSeconds=60`)).status).toBe(200)
  expect((await ask(server.url, `${path}?minTtlSeconds=x`)).json.code).toBe('invalid_request')
  expect((await ask(server.url, '/api/v1/tokens/crm/%63lient')).json.code).toBe('invalid_ref')
  expect((await ask(server.url, `${path}?`)).text).toBe(get.text)
  // All but the first and the method that is not there.
  expect(framework.requests).toBe(6)
})

test('a body that nobody asked for does not shift the requests behind it on the connection', async () => {
  const server = await start({ providers })
  await ask(server.url, path)
  const { host } = new URL(server.url)
  const line = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n`
  const bodies = ['Content-Length: 5\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n']
  const last = `${line}Connection: close\r\n\r\n`
  const replies = await exchange(server, bodies.map(body => line + body).join('') + last)
  expect(count(replies, 'HTTP/1.1 200 OK')).toBe(3)
  expect(count(replies, '"token":"token-of-crm"')).toBe(3)
  const old = await exchange(server, `GET ${path} HTTP/1.0\r\nHost: ${host}\r\n\r\n`)
  expect(old).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close\r\n/is)
})

test('a request that fails asks the provider once, is counted once and told as everywhere', async () => {
  let asked = 0
  let fails = false
  const own = custom({
    kinds: ['client'],
    acquire: async () => {
      asked++
      if (fails) throw providerFailure({ code: 'timeout', message: 'The issuer is away.', retryable: false } as never)
      return { value: 'own-token', expiresInSeconds: 3600 }
    },
  })
  const server = await start({ providers: { own }, preheat: false })
  const url = '/api/v1/tokens/own/client'
  for (let i = 0; i < 2; i++) expect((await ask(server.url, url)).status).toBe(200)
  const misses = () => server.tokens.metrics.snapshot().other.misses
  const [before, missed] = [asked, misses()]
  fails = true
  await server.tokens.token('own/client').invalidate()
  const reply = await ask(server.url, url)
  expect(reply.status).toBeGreaterThanOrEqual(500)
  expect(reply.headers['content-type']).toContain('application/problem+json')
  expect(misses() - missed).toBe(1)
  expect(asked).toBeGreaterThan(before)
  const { text } = await ask(server.url, '/metrics')
  expect(text).toContain('hotwell_http_requests_total{route="/api/v1/tokens/{ref}",status="200"} 2')
  expect(text).toContain(`hotwell_http_requests_total{route="/api/v1/tokens/{ref}",status="${reply.status}"} 1`)
})

test('ten thousand and more URLs are each served, and counted once', async () => {
  const own = custom({
    kinds: ['user'],
    acquire: async ({ ref }) => ({ value: `of-${ref.subject}`, expiresInSeconds: 3600 }),
  })
  const server = await start({ providers: { own }, preheat: false })
  const { host } = new URL(server.url)
  const amount = process.env.HOTWELL_TEST_SCALE === 'long' ? 10_500 : 10_100
  // The same token under ever other URLs: what grows is what the lane remembers, not what the manager keeps.
  const spelling = (index: number) =>
    [...index.toString(2).padStart(14, '0')].map(bit => (bit === '1' ? '%61' : 'a')).join('')
  const requests = Array.from({ length: amount }, (_, index) => {
    const close = index === amount - 1 ? 'Connection: close\r\n' : ''
    return `GET /api/v1/tokens/own/user/${spelling(index)} HTTP/1.1\r\nHost: ${host}\r\n${close}\r\n`
  })
  const replies = await exchange(server, requests.join(''))
  expect(count(replies, '"token":"of-aaaaaaaaaaaaaa"')).toBe(amount)
  const { text } = await ask(server.url, '/metrics')
  expect(text).toContain(`hotwell_http_requests_total{route="/api/v1/tokens/{ref}",status="200"} ${amount}`)
})

test('a URL of endless length is served each time, and not remembered', async () => {
  const server = await start({ providers })
  const framework = watchFramework()
  for (let i = 0; i < 2; i++) expect((await ask(server.url, `${path}?${'&'.repeat(2000)}`)).status).toBe(200)
  expect(framework.requests).toBe(2)
})

test.each([
  [path, 200, 'token-of-crm'],
  ['/api/v1/tokens/nobody/client', 404, '"code":"unknown_provider"'],
])(
  'while the server closes, GET %s on a busy connection is still answered with %i, and the connection ends',
  async (url, status, part) => {
    const opened = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const slow = custom({
      kinds: ['client'],
      acquire: async () => {
        asked.resolve()
        await opened.promise
        return { value: 'slow-token', expiresInSeconds: 3600 }
      },
    })
    const server = await start({ providers: { ...providers, slow } })
    await ask(server.url, path)
    const { host, port } = new URL(server.url)
    const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(get('/api/v1/tokens/slow/client')))
    let replies = ''
    socket.on('data', chunk => (replies += chunk))
    const ended = new Promise(resolve => socket.on('close', resolve))
    await asked.promise
    const closing = server.close()
    await expect.poll(() => server.app.server.listening).toBe(false)
    const arrived = once(server.app.server, 'request')
    socket.write(get(url))
    await arrived
    opened.resolve()
    await Promise.all([ended, closing])
    expect(replies.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', `HTTP/1.1 ${status}`])
    expect(replies).toContain('slow-token')
    expect(replies).toContain(part)
    expect(replies.match(/^connection: .*$/gim)).toEqual(['Connection: keep-alive', expect.stringMatching(/: close$/)])
  },
)
