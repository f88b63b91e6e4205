import * as oauth from 'oauth4webapi'
import { afterEach, expect, test } from 'vitest'
import { type OpenIdProvider, type OpenIdProviderOptions, startOpenIdProvider } from '../src/index.ts'

/** oauth4webapi, a certified client, speaks to the provider; http on loopback has to be allowed. */
const insecure = { [oauth.allowInsecureRequests]: true }
const crm = { clientId: 'crm', clientSecret: 'crm-secret', scopes: ['read', 'write'] }
const erp = {
  clientId: 'erp',
  clientSecret: 'erp-secret',
  authMethod: 'client_secret_post' as const,
  accessTokenLifeSeconds: 90,
}
let provider: OpenIdProvider

afterEach(() => provider?.close())

async function start(options: Partial<OpenIdProviderOptions> = {}): Promise<oauth.AuthorizationServer> {
  provider = await startOpenIdProvider({ clients: [crm, erp], ...options })
  const issuer = new URL(provider.issuer)
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
}

async function grant(
  server: oauth.AuthorizationServer,
  parameters: Record<string, string> = {},
  { clientId = 'crm', auth = oauth.ClientSecretBasic('crm-secret') } = {},
): Promise<oauth.TokenEndpointResponse> {
  const client = { client_id: clientId }
  const response = await oauth.clientCredentialsGrantRequest(server, client, auth, parameters, insecure)
  return oauth.processClientCredentialsResponse(server, client, response)
}

async function useToken(token?: string): Promise<{ status: number; challenge: string | null; body: string }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(provider.resourceUrl, { headers })
  return { status: response.status, challenge: response.headers.get('www-authenticate'), body: await response.text() }
}

test('discovery, a token for client credentials, and the resource that accepts it', async () => {
  const server = await start()
  expect(server.issuer).toBe(provider.url)
  const reply = await grant(server, { scope: 'read' })
  expect(reply).toMatchObject({ token_type: 'bearer', expires_in: 7200, scope: 'read' })
  const { status, body } = await useToken(reply.access_token)
  expect([status, JSON.parse(body)]).toEqual([200, expect.objectContaining({ client_id: 'crm', scope: 'read' })])
})

test('a client may show its secret in the header or in the body, and has a life of its own', async () => {
  const server = await start()
  for (const auth of [oauth.ClientSecretPost('erp-secret'), oauth.ClientSecretBasic('erp-secret')]) {
    expect((await grant(server, {}, { clientId: 'erp', auth })).expires_in).toBe(90)
  }
})

test.each([
  ['a wrong secret', {}, { auth: oauth.ClientSecretBasic('wrong') }, 401, 'invalid_client'],
  ['an unknown client', {}, { clientId: 'nobody' }, 401, 'invalid_client'],
  ['a scope of nobody', { scope: 'admin' }, {}, 400, 'invalid_scope'],
  ['a scope among good ones', { scope: 'read admin' }, {}, 400, 'invalid_scope'],
  [
    'a scope of another client',
    { scope: 'read' },
    { clientId: 'erp', auth: oauth.ClientSecretPost('erp-secret') },
    400,
    'invalid_scope',
  ],
  ['a resource that is no URI', { resource: 'crm' }, {}, 400, 'invalid_target'],
])('%s is refused by name', async (_, parameters, options, status, error) => {
  const server = await start()
  const name = status === 401 ? { code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE', status } : { error, status }
  await expect(grant(server, parameters, options)).rejects.toMatchObject(name)
  expect(provider.requests.byStatus[status]).toBe(1)
})

test.each(['resource', 'audience'])('asked for by %s, the token is a JWT for that API', async parameter => {
  const server = await start({ resources: ['https://api.example.com'] })
  const api = 'https://api.example.com'
  const { access_token, scope } = await grant(server, { [parameter]: api, scope: 'write' })
  const request = new Request(api, { headers: { authorization: `Bearer ${access_token}` } })
  const claims = await oauth.validateJwtAccessToken(server, request, api, insecure)
  expect(claims).toMatchObject({ iss: provider.issuer, aud: api, client_id: 'crm', scope: 'write' })
  expect(scope).toBe('write')
  expect((await useToken(access_token)).status).toBe(200)
  const stranger = grant(server, { [parameter]: 'https://other.example.com' })
  await expect(stranger).rejects.toMatchObject({ error: 'invalid_target' })
})

test('the resource rejects what is no live token, and tells why', async () => {
  const server = await start()
  await using other = await startOpenIdProvider({ clients: [crm] })
  const { access_token: jwt } = await grant(server, { resource: 'https://api.example.com' })
  const [header, payload, signature] = jwt.split('.') as [string, string, string]
  const claims = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), scope: 'write' }
  const altered = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
  for (const token of ['', 'made-up', altered, none, `${jwt}.x`, 'a.b.c', jwt.slice(0, -4)]) {
    expect([token, (await useToken(token)).status]).toEqual([token, 401])
  }
  expect((await useToken('made-up')).challenge).toBe('Bearer realm="sandbox", error="invalid_token"')
  expect((await useToken()).challenge).toBe('Bearer realm="sandbox"')
  expect((await fetch(other.resourceUrl, { headers: { authorization: `Bearer ${jwt}` } })).status).toBe(401)
  expect((await fetch(provider.resourceUrl, { method: 'POST' })).status).toBe(405)
})

test.each<Record<string, string>>([{}, { resource: 'https://api.example.com' }])(
  'a revoked token is rejected, others stay good (%o)',
  async parameters => {
    const server = await start()
    const [one, other] = [await grant(server, parameters), await grant(server, parameters)]
    expect((await useToken(one.access_token)).status).toBe(200)
    expect(await provider.revoke(one.access_token)).toBe(true)
    expect((await useToken(one.access_token)).status).toBe(401)
    expect((await useToken(other.access_token)).status).toBe(200)
    expect(await provider.revoke(one.access_token)).toBe(false)
    expect(await provider.revoke('made-up')).toBe(false)
  },
)

test('a client may revoke its token by RFC 7009', async () => {
  const server = await start()
  const { access_token } = await grant(server)
  const auth = oauth.ClientSecretBasic('crm-secret')
  const response = await oauth.revocationRequest(server, { client_id: 'crm' }, auth, access_token, insecure)
  await oauth.processRevocationResponse(response)
  expect((await useToken(access_token)).status).toBe(401)
})

test.each<Record<string, string>>([{}, { resource: 'https://api.example.com' }])(
  'a token ends on the clock that was given (%o)',
  async parameters => {
    let time = Date.now()
    const server = await start({ now: () => time, accessTokenLifeSeconds: 60 })
    const { access_token, expires_in } = await grant(server, parameters)
    expect(expires_in).toBe(60)
    time += 59_999
    expect((await useToken(access_token)).status).toBe(200)
    time += 1
    expect((await useToken(access_token)).status).toBe(401)
  },
)

test('a life that is changed while running holds for the next token', async () => {
  const server = await start()
  provider.accessTokenLifeSeconds = 5
  expect((await grant(server)).expires_in).toBe(5)
  expect(() => (provider.accessTokenLifeSeconds = 1.5)).toThrow('accessTokenLifeSeconds must be a whole number above 0')
})

test('counters by path, grant and client', async () => {
  const server = await start()
  await grant(server)
  await grant(server, {}, { clientId: 'erp', auth: oauth.ClientSecretPost('erp-secret') })
  await grant(server, { scope: 'admin' }).catch(() => {})
  expect(provider.requests.byPath).toEqual({ '/.well-known/openid-configuration': 1, '/token': 3 })
  expect(provider.requests.byGrant).toEqual({ client_credentials: 3 })
  expect(provider.requests.byApp).toEqual({ crm: 2, erp: 1 })
  provider.reset()
  expect([provider.requests.total, provider.requests.byGrant]).toEqual([0, {}])
})

test.each([
  ['no secret', [{ ...crm, clientSecret: '' }], 'needs a clientId and a clientSecret'],
  ['the same id twice', [crm, crm], 'Client crm is listed twice'],
  ['two scopes in one', [{ ...crm, scopes: ['read write'] }], "Client crm: 'read write' is not one scope"],
])('a client with %s is refused before the port opens', async (_, clients, message) => {
  await expect(startOpenIdProvider({ clients })).rejects.toThrow(message)
})
