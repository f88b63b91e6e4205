import { ConfidentialClientApplication, type INetworkModule } from '@azure/msal-node'
import type { Variant } from '../../harness/variant.ts'

const tenant = '11111111-1111-4111-8111-111111111111'
const authority = `https://login.microsoftonline.com/${tenant}`

/**
 * msal-node with a client per token, each with one token in its cache: its fastest set-up, because every call searches
 * all tokens of its client. The network module is the one thing replaced, for the warm-up.
 */
export async function msalPeer(tokens: readonly string[]): Promise<Variant> {
  const targets: ConfidentialClientApplication[] = []
  for (const [index, token] of tokens.entries()) {
    const client = clientFor(`22222222-2222-4222-8222-${String(index).padStart(12, '0')}`, () => token)
    await client.acquireTokenByClientCredential(requestFor('app'))
    targets.push(client)
  }
  return {
    name: 'msal-node',
    targets,
    shared: requestFor('app'),
    call: 'target.acquireTokenByClientCredential(shared)',
    consume: '.accessToken.length',
  }
}

/** msal-node with all tokens in one client, as an application with many resources has it. */
export async function msalOneClientPeer(tokens: readonly string[]): Promise<Variant> {
  let next = 0
  const client = clientFor('33333333-3333-4333-8333-333333333333', () => tokens[next++]!)
  const requests = tokens.map((_, index) => requestFor(`resource-${index}`))
  for (const request of requests) await client.acquireTokenByClientCredential(request)
  return {
    name: 'msal-node, all tokens in one client',
    targets: requests,
    shared: client,
    call: 'shared.acquireTokenByClientCredential(target)',
    consume: '.accessToken.length',
  }
}

function requestFor(resource: string) {
  return { scopes: [`api://${resource}/.default`] }
}

function clientFor(clientId: string, nextToken: () => string): ConfidentialClientApplication {
  return new ConfidentialClientApplication({
    auth: { clientId, authority, clientSecret: 'benchmark-only', knownAuthorities: ['login.microsoftonline.com'] },
    system: { networkClient: tokenEndpoint(nextToken) },
  })
}

/** Answers as the authority does, from memory. */
function tokenEndpoint(nextToken: () => string): INetworkModule {
  const metadata = {
    authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
    token_endpoint: `${authority}/oauth2/v2.0/token`,
    jwks_uri: `${authority}/discovery/v2.0/keys`,
    issuer: `${authority}/v2.0`,
    tenant_discovery_endpoint: `${authority}/v2.0/.well-known/openid-configuration`,
    metadata: [],
  }
  return {
    sendGetRequestAsync: async <T>() => ({ status: 200, headers: {}, body: metadata as T }),
    sendPostRequestAsync: async <T>() => ({
      status: 200,
      headers: {},
      body: { token_type: 'Bearer', expires_in: 7200, access_token: nextToken() } as T,
    }),
  }
}
