import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ApiKeyAction, generateKey, hashKey } from '@hotwell/server'
import { staticToken } from 'hotwell/providers/static'
import { expect, onTestFinished, test, vi } from 'vitest'
import { KeyBook } from '../../src/keys/key-book.ts'
import { keyFilePath, writeKeyFile } from '../../src/keys/key-file.ts'
import { ask, start, temporaryFolder } from '../start.ts'

const providers = {
  crm: staticToken({ tokens: { client: 'token-of-crm' } }),
  shop: staticToken({ tokens: { client: 'token-of-shop' } }),
}
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } })

async function keyed(refs: string[], actions: ApiKeyAction[]) {
  const key = generateKey()
  const server = await start({ providers, keys: [{ name: 'narrow', sha256: hashKey(key), refs, actions }] })
  return { server, key }
}

test('a key is taken as Bearer and as X-API-Key, and nothing is served without it', async () => {
  const { server, key } = await keyed(['*'], ['read'])
  const path = '/api/v1/tokens/crm/client'
  expect((await ask(server.url, path, bearer(key))).json.token).toBe('token-of-crm')
  expect((await ask(server.url, path, { headers: { authorization: `bearer ${key}` } })).status).toBe(200)
  expect((await ask(server.url, path, { headers: { 'x-api-key': key } })).status).toBe(200)
  for (const headers of [
    {},
    { authorization: 'Bearer ' },
    { authorization: `Basic ${key}` },
    { authorization: key },
    { 'x-api-key': '' },
    { 'x-api-key': `${key}x` },
    { authorization: `Bearer ${hashKey(key)}` },
  ] as Record<string, string>[]) {
    const reply = await ask(server.url, path, { headers })
    expect(reply, JSON.stringify(headers)).toMatchObject({ status: 401, json: { code: 'unauthenticated' } })
    expect(reply.headers['www-authenticate']).toContain('Bearer')
    expect(reply.text).not.toContain('token-of-crm')
  }
})

test('a key reaches the tokens its patterns cover and no others, known or not', async () => {
  const { server, key } = await keyed(['crm/*'], ['read', 'list'])
  const status = async (path: string) => (await ask(server.url, `/api/v1/tokens/${path}`, bearer(key))).status
  expect(await status('crm/client')).toBe(200)
  expect(await status('shop/client')).toBe(403)
  expect(await status('unheard/client')).toBe(403)
  expect(await status('crm/tenant/x')).toBe(404)
  await server.tokens.token('shop/client').get()
  const list = await ask(server.url, '/api/v1/tokens', bearer(key))
  expect(list.json.tokens.map((token: { ref: string }) => token.ref)).toEqual(['crm/client'])
})

test('a pattern without a star is one token only', async () => {
  const { server, key } = await keyed(['crm/client'], ['read'])
  expect((await ask(server.url, '/api/v1/tokens/crm/client', bearer(key))).status).toBe(200)
  expect((await ask(server.url, '/api/v1/tokens/crm/client?scope=all', bearer(key))).status).toBe(403)
})

test.each<[ApiKeyAction, string, string]>([
  ['read', 'GET', '/api/v1/tokens/crm/client'],
  ['refresh', 'POST', '/api/v1/tokens/crm/client/-/refresh'],
  ['invalidate', 'POST', '/api/v1/tokens/crm/client/-/invalidate'],
  ['list', 'GET', '/api/v1/tokens'],
  ['metrics', 'GET', '/metrics'],
])('the action %s opens %s %s, and no other action does but admin', async (action, method, path) => {
  const all = ['read', 'refresh', 'invalidate', 'list', 'metrics'] as const
  const allowed = await keyed(['*'], [action])
  const others = await keyed(
    ['*'],
    all.filter(other => other !== action),
  )
  const admin = await keyed(['*'], ['admin'])
  expect((await ask(allowed.server.url, path, { method, ...bearer(allowed.key) })).status).toBe(200)
  expect((await ask(admin.server.url, path, { method, ...bearer(admin.key) })).status).toBe(200)
  const refused = await ask(others.server.url, path, { method, ...bearer(others.key) })
  expect(refused).toMatchObject({ status: 403, json: { code: 'forbidden' } })
  expect(refused.json.detail).toContain(`"${action}"`)
})

test('probes need no key and tell strangers no names', async () => {
  const { server, key } = await keyed(['*'], ['list'])
  await server.tokens.token('crm/client').get()
  expect((await ask(server.url, '/healthz')).status).toBe(200)
  const stranger = await ask(server.url, '/readyz')
  expect(Object.keys(stranger.json)).toEqual(['ready', 'manifest'])
  expect((await ask(server.url, '/readyz', bearer(key))).json).toHaveProperty('failed')
  expect((await ask(server.url, '/')).text).not.toContain('crm/client')
  expect((await ask(server.url, '/', bearer(key))).text).toContain('crm/client')
})

test('the page and the readiness report show a narrow key what it covers, and no more', async () => {
  const { server, key } = await keyed(['crm/*'], ['list'])
  for (const ref of ['crm/client', 'shop/client'] as const) await server.tokens.token(ref).get()
  const { text } = await ask(server.url, '/', bearer(key))
  expect(text).toContain('crm/client')
  expect(text).not.toContain('shop/client')
})

test('more than 1,200 requests a minute are refused with Retry-After; tokens and probes are still served', async () => {
  const server = await start({ providers })
  const statuses = new Set<number>()
  for (let round = 0; round < 25; round++) {
    const replies = await Promise.all(Array.from({ length: 50 }, () => fetch(`${server.url}/api/v1/tokens`)))
    for (const reply of replies) {
      statuses.add(reply.status)
      await reply.arrayBuffer()
    }
  }
  expect(statuses).toEqual(new Set([200, 429]))
  const refused = await ask(server.url, '/api/v1/tokens')
  expect(refused).toMatchObject({ status: 429, json: { code: 'too_many_requests', retryable: true } })
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect((await ask(server.url, '/healthz')).status).toBe(200)
  expect((await ask(server.url, '/api/v1/tokens/crm/client')).status).toBe(200)
})

test('wrong keys from one address are slowed down, and a valid key still passes', async () => {
  const { server, key } = await keyed(['*'], ['read'])
  const path = '/api/v1/tokens/crm/client'
  const statuses = []
  for (let i = 0; i < 25; i++) statuses.push((await ask(server.url, path, bearer(generateKey()))).status)
  expect(statuses.slice(0, 20)).toEqual(Array(20).fill(401))
  const refused = await ask(server.url, path, bearer(generateKey()))
  expect(refused).toMatchObject({ status: 429, json: { code: 'too_many_requests', retryable: true } })
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect((await ask(server.url, path, bearer(key))).status).toBe(200)
})

test('the key file holds hashes only, for its owner only, and a running server follows it', async () => {
  const dataDir = await temporaryFolder()
  const server = await start({ providers, dataDir })
  const path = '/api/v1/tokens/crm/client'
  expect((await ask(server.url, path)).status).toBe(200)
  const key = generateKey()
  const stored = { name: 'worker', sha256: hashKey(key), refs: ['*'], actions: ['read'] as const }
  await writeKeyFile(keyFilePath(dataDir), [stored])
  expect((await stat(join(dataDir, 'keys.json'))).mode & 0o777).toBe(0o600)
  expect(await readFile(join(dataDir, 'keys.json'), 'utf8')).not.toContain(key)
  await vi.waitFor(async () => expect((await ask(server.url, path)).status).toBe(401), 5000)
  expect((await ask(server.url, path, bearer(key))).status).toBe(200)

  // A file that turns bad must neither open the doors nor close them.
  await writeFile(keyFilePath(dataDir), 'garbage')
  await new Promise(resolve => setTimeout(resolve, 1500))
  expect((await ask(server.url, path)).status).toBe(401)
  expect((await ask(server.url, path, bearer(key))).status).toBe(200)
})

test('of the key file only a change is told: not that there is none, nor that it was touched', async () => {
  const dataDir = await temporaryFolder()
  const path = keyFilePath(dataDir)
  const told: object[] = []
  const book = new KeyBook(path, change => told.push(change))
  onTestFinished(() => book.close())
  await book.open([])
  const stored = { name: 'worker', sha256: hashKey(generateKey()), refs: ['*'], actions: ['read'] as const }
  await new Promise(resolve => setTimeout(resolve, 200))
  expect(told).toEqual([])
  await writeKeyFile(path, [stored])
  await vi.waitFor(() => expect(told).toEqual([{ count: 1 }]), 5000)
  await writeKeyFile(path, [stored])
  await new Promise(resolve => setTimeout(resolve, 1300))
  await writeKeyFile(path, [])
  await vi.waitFor(() => expect(told).toEqual([{ count: 1 }, { count: 0 }]), 5000)
})

test('a key file that cannot be read stops the start', async () => {
  const dataDir = await temporaryFolder()
  await writeFile(keyFilePath(dataDir), '{"keys":[{"name":"x"}]}')
  await expect(start({ providers, dataDir })).rejects.toThrow(/keys\.json cannot be read/)
})
