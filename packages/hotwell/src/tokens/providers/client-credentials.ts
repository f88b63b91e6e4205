import {
  type AuthorizationServer,
  allowInsecureRequests,
  ClientSecretBasic,
  ClientSecretPost,
  clientCredentialsGrantRequest,
  customFetch,
  processClientCredentialsResponse,
  type TokenEndpointResponse,
} from 'oauth4webapi'
import { checkAcquiredToken, finite } from '../acquired-token.ts'
import { createDiscovery } from '../discovery.ts'
import { providerFailure } from '../failure.ts'
import { oauthFailure } from '../oauth-failure.ts'
import type { AcquiredToken, AcquireRequest, Provider, Quota } from '../provider.ts'
import {
  credentialVersionOf,
  misconfigured,
  refuseUnknownOptions,
  requireBaseUrls,
  requirePositiveSeconds,
  requireQuota,
  requireText,
  requireUrl,
} from '../provider-options.ts'
import type { Ref, RefParameter } from '../ref.ts'
import { callTokenEndpoint, failureByStatus, type TokenEndpointReply } from '../token-endpoint.ts'

export interface ClientCredentialsOptions {
  /** The issuer's URL; its token endpoint is discovered (OpenID Connect Discovery 1.0, RFC 8414) and kept for an hour. */
  issuer?: string
  /** The token endpoint's URL, instead of an issuer. */
  tokenEndpoint?: string
  clientId: string
  clientSecret: string
  /**
   * How the client shows its secret (RFC 6749 section 2.3.1). A provider that refuses ids or secrets with punctuation in
   * the header may not decode them; give it `client_secret_post`.
   * @default 'client_secret_basic'
   */
  authMethod?: 'client_secret_basic' | 'client_secret_post'
  /** The scopes to ask for where the ref names none, separated by spaces. Default: left to the server. */
  scope?: string
  /** The audience to ask for where the ref names none. */
  audience?: string
  /** The resource (RFC 8707) to ask for where the ref names none. */
  resource?: string
  /** The scopes that a ref may name, as in `crm/client?scope=read`. Default: none. */
  scopes?: readonly string[]
  /** The audiences that a ref may name. Default: none. */
  audiences?: readonly string[]
  /** The resources that a ref may name. Default: none. */
  resources?: readonly string[]
  /** The life of a token whose reply does not tell it, in seconds. @default 300 */
  expiresInSecondsWhenAbsent?: number
  /** The APIs that `handle.fetch` may call with these tokens. Default: none. */
  baseUrls?: readonly string[]
  /** Allows plain http to other machines. The secret then travels readable. @default false */
  allowInsecure?: boolean
  /** From sending to the reply's last byte, in seconds. @default 30 */
  timeoutSeconds?: number
  /** @default globalThis.fetch */
  fetch?: typeof globalThis.fetch
  /** The limit on acquisitions. Default: learned from refusals. */
  quota?: Quota
}

const me = 'client-credentials'
const optionNames = [
  'issuer',
  'tokenEndpoint',
  'clientId',
  'clientSecret',
  'authMethod',
  'scope',
  'audience',
  'resource',
  'scopes',
  'audiences',
  'resources',
  'expiresInSecondsWhenAbsent',
  'baseUrls',
  'allowInsecure',
  'timeoutSeconds',
  'fetch',
  'quota',
] as const satisfies readonly (keyof ClientCredentialsOptions)[]
const authMethods = { client_secret_basic: ClientSecretBasic, client_secret_post: ClientSecretPost }

/**
 * OAuth 2 client credentials (RFC 6749 section 4.4): the kind `client`, tokens for the client itself.
 * @throws HotwellError `invalid_configuration`, naming the option
 */
export function clientCredentials(options: ClientCredentialsOptions): Provider<'client'> {
  refuseUnknownOptions(me, options, optionNames)
  const { authMethod = 'client_secret_basic', expiresInSecondsWhenAbsent = 300, timeoutSeconds = 30 } = options
  const { allowInsecure = false, fetch = globalThis.fetch, scopes = [], audiences = [], resources = [] } = options
  const client_id = requireText(me, 'clientId', options.clientId)
  const clientSecret = requireText(me, 'clientSecret', options.clientSecret)
  if (!Object.hasOwn(authMethods, authMethod)) {
    throw misconfigured(me, `the option "authMethod" has to be one of ${Object.keys(authMethods).join(', ')}.`)
  }
  const authenticate = authMethods[authMethod](clientSecret)
  requirePositiveSeconds(me, 'timeoutSeconds', timeoutSeconds)
  requirePositiveSeconds(me, 'expiresInSecondsWhenAbsent', expiresInSecondsWhenAbsent)
  const { at, serverFor } = serverOf(options, { allowInsecure, fetch, timeoutSeconds })
  const secrets = [clientSecret]

  async function acquire({ ref, signal, clock }: AcquireRequest): Promise<AcquiredToken> {
    signal.throwIfAborted()
    const { scope = options.scope, audience = options.audience, resource = options.resource } = ref
    refuseUnlisted(ref, { audience: audiences, resource: resources })
    const server = await serverFor({ signal, clock })
    let reply: TokenEndpointReply | undefined
    const parameters = Object.entries({ scope, audience, resource }).filter(entry => entry[1] !== undefined)
    const response = await clientCredentialsGrantRequest(
      server,
      { client_id },
      authenticate,
      parameters as string[][],
      {
        // Whether http is allowed was decided when the endpoint became known.
        [allowInsecureRequests]: true,
        [customFetch]: async (url, init) => {
          const call = { url, init: init as RequestInit, fetch, signal, clock, timeoutSeconds, secrets }
          reply = await callTokenEndpoint({ ...call, repeatable: true })
          // Only a reply that carries a token goes through the protocol library; failures are sorted here.
          if (reply.status !== 200 || errorIn(reply.json)) throw oauthFailure(reply, { clientId: client_id, secrets })
          if (reply.json === undefined) throw failureByStatus(reply)
          return new Response(reply.text, { status: 200, headers: { 'content-type': 'application/json' } })
        },
      },
    )
    const { from, serverDate } = reply!
    const granted = await processReply(server, client_id, response, from)
    const expiresInSeconds = finite(granted.expires_in ?? expiresInSecondsWhenAbsent)
    return checkAcquiredToken({ value: granted.access_token, expiresInSeconds, scope: granted.scope, serverDate }, from)
  }

  const listed = { scope: scopes, audience: audiences, resource: resources }
  return {
    identity: identityParts(options, at, client_id).join('|'),
    kinds: ['client'],
    parameters: (Object.keys(listed) as RefParameter[]).filter(name => listed[name].length > 0),
    scopes,
    knows: ref => unlisted(ref, { audience: audiences, resource: resources }) === undefined,
    acquire,
    baseUrls: requireBaseUrls(me, options.baseUrls, allowInsecure),
    quota: requireQuota(me, options.quota),
    credentialVersion: credentialVersionOf(clientSecret),
  }
}

/** What is asked for by default is part of the identity: a stored token of another audience is another token. */
function identityParts({ scope, audience, resource }: ClientCredentialsOptions, at: string, clientId: string) {
  const defaults = Object.entries({ scope, audience, resource }).filter(entry => entry[1] !== undefined)
  return ['client_credentials', at, clientId, ...defaults.map(([name, value]) => `${name}=${value}`)]
}

interface Transport {
  allowInsecure: boolean
  fetch: typeof globalThis.fetch
  timeoutSeconds: number
}

interface Server {
  /** The issuer or token endpoint, for the identity. */
  at: string
  serverFor: (request: Pick<AcquireRequest, 'signal' | 'clock'>) => Promise<AuthorizationServer>
}

function serverOf({ issuer, tokenEndpoint }: ClientCredentialsOptions, transport: Transport): Server {
  if ((issuer === undefined) === (tokenEndpoint === undefined)) {
    throw misconfigured(me, 'give either "issuer" or "tokenEndpoint".')
  }
  if (tokenEndpoint !== undefined) {
    const { href, origin } = requireUrl(me, 'tokenEndpoint', tokenEndpoint, transport.allowInsecure)
    return { at: href, serverFor: async () => ({ issuer: origin, token_endpoint: href }) }
  }
  const url = requireUrl(me, 'issuer', issuer, transport.allowInsecure)
  if (url.search) throw misconfigured(me, 'the option "issuer" must not have a query.')
  return { at: url.href, serverFor: createDiscovery({ issuer: url, ...transport }) }
}

/** The protocol library's errors hold the reply, and with it the token: only their words are taken over. */
async function processReply(
  server: AuthorizationServer,
  client_id: string,
  response: Response,
  from: string,
): Promise<TokenEndpointResponse> {
  try {
    const token = await processClientCredentialsResponse(server, { client_id }, response)
    if (token.token_type === 'bearer') return token
    throw new Error(`its token_type is "${token.token_type}" where "bearer" can be used`)
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    throw providerFailure({
      message: `${from} answered with a token that does not conform to RFC 6749 section 5.1 (${message}).`,
      details: { httpStatus: 200, reason: code },
    })
  }
}

function errorIn(json: unknown): boolean {
  return json !== null && typeof json === 'object' && 'error' in json && typeof json.error === 'string'
}

type Lists = Readonly<Record<'audience' | 'resource', readonly string[]>>

function unlisted(ref: Ref, lists: Lists): 'audience' | 'resource' | undefined {
  return (['audience', 'resource'] as const).find(name => ref[name] !== undefined && !lists[name].includes(ref[name]))
}

function refuseUnlisted(ref: Ref, lists: Lists): void {
  const name = unlisted(ref, lists)
  if (!name) return
  const message = `${ref.canonical}: its ${name} is not one that the provider is configured for.`
  throw providerFailure({ code: 'invalid_ref', message })
}
