import { expect, test, vi } from 'vitest'
import { startOpenIdProvider } from '../src/index.ts'

// In a file, and so a process, of its own: oidc-provider gives each of its notices once.
test('the provider prints nothing, whatever is asked of it', async () => {
  const spies = (['log', 'info', 'warn', 'error'] as const).map(name => vi.spyOn(console, name).mockReturnValue())
  await using provider = await startOpenIdProvider({
    clients: [{ clientId: 'crm', clientSecret: 's', scopes: ['read'] }],
  })
  const headers = { authorization: `Basic ${btoa('crm:s')}` }
  const ask = (path: string, body: Record<string, string>, more = {}) =>
    fetch(provider.url + path, { method: 'POST', headers: { ...headers, ...more }, body: new URLSearchParams(body) })
  const statuses: Record<string, number> = {}
  for (const path of ['/.well-known/openid-configuration', '/jwks', '/nowhere', '/auth?client_id=crm', '/me']) {
    statuses[path] = (await fetch(provider.url + path)).status
  }
  const granted = await ask('/token', { grant_type: 'client_credentials', scope: 'read' })
  const { access_token: token } = (await granted.json()) as { access_token: string }
  statuses.granted = granted.status
  statuses.resource = (
    await ask('/token', { grant_type: 'client_credentials', resource: 'https://api.example.com' })
  ).status
  statuses.scope = (await ask('/token', { grant_type: 'client_credentials', scope: 'admin' })).status
  statuses.grant = (await ask('/token', { grant_type: 'authorization_code', code: 'x' })).status
  statuses.introspection = (await ask('/token/introspection', { token })).status
  statuses.revocation = (await ask('/token/revocation', { token })).status
  const origin = 'http://elsewhere.example'
  statuses.browser = (await ask('/token', { grant_type: 'client_credentials' }, { origin })).status
  statuses.long = (await ask('/token', { grant_type: 'x'.repeat(100_000) })).status
  expect(statuses).toEqual({
    '/.well-known/openid-configuration': 200,
    '/jwks': 200,
    '/nowhere': 404,
    '/auth?client_id=crm': 400,
    '/me': 404,
    granted: 200,
    resource: 200,
    scope: 400,
    grant: 400,
    introspection: 200,
    revocation: 200,
    browser: 400,
    long: 400,
  })
  for (const spy of spies) expect(spy.mock.calls).toEqual([])
})
