import { generateKey } from '@hotwell/server'
import { staticToken } from 'hotwell/providers/static'
import { describe, expect, test } from 'vitest'
import { ask, start } from '../start.ts'

const key = generateKey()
const providers = { fixed: staticToken({ tokens: { client: 'the-token-that-a-page-must-not-read' } }) }

const tricks: [name: string, headers: Record<string, string>][] = [
  ['a rebound name', { host: 'evil.example' }],
  ['a rebound name with our port', { host: 'evil.example:8000' }],
  ['a name that begins like ours', { host: '127.0.0.1.evil.example' }],
  ['a name that ends like ours', { host: 'evil.example#localhost' }],
  ['another address', { host: '0.0.0.0' }],
  ['a foreign origin', { origin: 'https://evil.example' }],
  ['an opaque origin', { origin: 'null' }],
  ['another port of this machine', { origin: 'http://localhost:3000' }],
  ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
  ['a proxy', { 'x-forwarded-for': '10.0.0.1' }],
  ['a proxy that names the host', { 'x-forwarded-host': 'localhost' }],
  ['a proxy by the standard', { forwarded: 'for=10.0.0.1' }],
]

describe('without keys only this machine itself is served', () => {
  test('a request that a web page or a proxy could have caused is refused on every route, and served with a key', async () => {
    const open = await start({ providers })
    const keyed = await start({ providers, keys: [{ name: 'all', key, actions: ['admin'] }] })
    const routes = ['/api/v1/tokens/fixed/client', '/api/v1/tokens', '/metrics', '/', '/docs', '/healthz', '/nothing']
    for (const [name, headers] of tricks) {
      const host = (url: string) => ({ host: new URL(url).host, ...headers })
      for (const path of routes) {
        const reply = await ask(open.url, path, { headers: host(open.url) })
        expect(reply, `${name}: ${path}`).toMatchObject({ status: 403, json: { code: 'forbidden' } })
        expect(reply.text).not.toContain('the-token')
      }
      const refresh = '/api/v1/tokens/fixed/client/-/refresh'
      const posted = await ask(open.url, refresh, { method: 'POST', headers: host(open.url) })
      expect(posted.status, name).toBe(403)
      const withKey = { ...host(keyed.url), authorization: `Bearer ${key}` }
      const served = await ask(keyed.url, '/api/v1/tokens/fixed/client', { headers: withKey })
      expect(served.status, name).toBe(200)
    }
  })

  test('localhost, 127.0.0.1 and [::1], with any port, are this machine', async () => {
    const server = await start({ providers })
    const { port } = new URL(server.url)
    for (const name of ['localhost', '127.0.0.1', '[::1]', 'LOCALHOST']) {
      for (const host of [name, `${name}:${port}`]) {
        const headers = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }
        expect((await ask(server.url, '/api/v1/tokens/fixed/client', { headers })).status, host).toBe(200)
      }
    }
  })

  test('another address than loopback does not start without a key, and says what to do', async () => {
    const starting = start({ providers, host: '0.0.0.0' })
    await expect(starting).rejects.toMatchObject({ code: 'invalid_configuration' })
    await expect(starting).rejects.toThrow(/host: .*hotwell keys create/)
  })

  test('another address than loopback starts with a key, and then asks for it', async () => {
    const server = await start({ providers, host: '0.0.0.0', keys: [{ name: 'all', key }] })
    const url = server.url.replace('0.0.0.0', '127.0.0.1')
    expect((await ask(url, '/api/v1/tokens/fixed/client')).status).toBe(401)
  })
})
