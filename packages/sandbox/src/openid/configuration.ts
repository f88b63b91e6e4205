import { randomBytes } from 'node:crypto'
import {
  type ClientMetadata,
  type Configuration,
  errors,
  type KoaContextWithOIDC,
  type ResourceServer,
} from 'oidc-provider'
import type { OpenIdClientOptions } from './clients.ts'
import { memoryAdapter } from './memory-adapter.ts'
import { SIGNING_ALGORITHM, type SigningKey } from './signing-key.ts'

export interface OpenIdPlan {
  clients: readonly OpenIdClientOptions[]
  resources: readonly string[] | undefined
  key: SigningKey
  now: () => number
  lifeOf(clientId: string): number
}

/** What oidc-provider needs to issue tokens for client credentials, and nothing that it would warn about. */
export function configurationOf({ clients, resources, key, now, lifeOf }: OpenIdPlan): Configuration {
  const scopes = [...new Set(clients.flatMap(client => client.scopes ?? []))]
  function resourceServer(indicator: string, clientId: string): ResourceServer {
    if (resources && !resources.includes(indicator))
      throw new errors.InvalidTarget(`not one of ${resources.join(', ')}`)
    return { scope: scopes.join(' '), accessTokenFormat: 'jwt', accessTokenTTL: lifeOf(clientId) }
  }
  return {
    adapter: memoryAdapter(now),
    clients: clients.map(metadataOf),
    clientDefaults: { id_token_signed_response_alg: SIGNING_ALGORITHM },
    clientBasedCORS: () => false,
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    jwks: { keys: [key.jwk] },
    renderError: (ctx, out) => void (ctx.body = out),
    scopes: ['openid', ...scopes],
    ttl: { ClientCredentials: (_, token, client) => token.resourceServer?.accessTokenTTL ?? lifeOf(client.clientId) },
    // Called before every token: the provider itself lets a client ask for scopes that nobody has declared.
    extraTokenClaims: ctx => void refuseStrangeScopes(ctx, clients),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      pushedAuthorizationRequests: { enabled: false },
      revocation: { enabled: true, allowedPolicy: (_, client, token) => token.clientId === client.clientId },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      resourceIndicators: {
        enabled: true,
        // `audience` is what several vendors call it; it is no parameter of the standard, so it comes from the raw body.
        defaultResource: ctx => {
          const audience = ctx.oidc.body?.audience
          return typeof audience === 'string' ? audience : []
        },
        getResourceServerInfo: (_, indicator, client) => resourceServer(indicator, client.clientId),
      },
    },
  }
}

function refuseStrangeScopes({ oidc }: KoaContextWithOIDC, clients: readonly OpenIdClientOptions[]): void {
  const allowed = clients.find(client => client.clientId === oidc.client?.clientId)?.scopes ?? []
  const asked = typeof oidc.body?.scope === 'string' ? oidc.body.scope.split(' ') : []
  const strange = asked.find(scope => scope !== '' && !allowed.includes(scope))
  if (strange !== undefined) throw new errors.InvalidScope('requested scope is not allowed', strange)
}

function metadataOf({ clientId, clientSecret, scopes = [] }: OpenIdClientOptions): ClientMetadata {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
  }
}
