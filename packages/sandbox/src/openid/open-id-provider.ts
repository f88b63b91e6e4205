import { type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { type FaultDialect, type FaultSettings, Faults } from '../faults.ts'
import { frontDoor } from '../front-door.ts'
import { type ListenOptions, listen } from '../http-server.ts'
import { sendReply } from '../raw-reply.ts'
import { RequestCounters } from '../request-counters.ts'
import { seededRandom } from '../seeded-random.ts'
import { checkClients, type OpenIdClientOptions } from './clients.ts'
import { configurationOf } from './configuration.ts'
import { IssuedTokens } from './issued-tokens.ts'
import { protectedResource, RESOURCE_PATH } from './protected-resource.ts'
import { generateSigningKey } from './signing-key.ts'

export interface OpenIdProviderOptions
  extends ListenOptions,
    Pick<FaultSettings, 'latencyMs' | 'failureRate' | 'rate429'> {
  clients: readonly OpenIdClientOptions[]
  /** Seconds that a token lives, a whole number. @default 7200 */
  accessTokenLifeSeconds?: number
  /** APIs (absolute URIs) that a token may be asked for, by `resource` (RFC 8707) or `audience`; such a token is a JWT. @default any */
  resources?: readonly string[]
  /**
   * Milliseconds since 1970. Decides when a token ends for the protected resource; the claims inside a JWT and the
   * provider's own introspection keep to the wall clock. @default Date.now
   */
  now?: () => number
  /** Decides which requests fail. @default 1 */
  seed?: number
}

export interface OpenIdProvider extends AsyncDisposable {
  /** Where discovery starts: `{issuer}/.well-known/openid-configuration`. The same as `url`. */
  readonly issuer: string
  readonly url: string
  readonly port: number
  readonly clients: readonly OpenIdClientOptions[]
  readonly requests: RequestCounters
  readonly faults: Faults
  /** `GET` with a live token: 200; with any other: 401. */
  readonly resourceUrl: string
  /** Life of tokens issued from now on, in whole seconds. */
  accessTokenLifeSeconds: number
  /** The protected resource rejects this token from now on. False: not a live one of ours. */
  revoke(token: string): Promise<boolean>
  /** Counters back to zero; tokens and faults stay. */
  reset(): void
  close(): Promise<void>
}

/** A certified OpenID provider (oidc-provider) on this machine for the client credentials grant, with faults in front. */
export async function startOpenIdProvider({
  clients,
  accessTokenLifeSeconds = 7200,
  resources,
  now = Date.now,
  seed = 1,
  latencyMs = 0,
  failureRate = 0,
  rate429 = 0,
  ...listenOptions
}: OpenIdProviderOptions): Promise<OpenIdProvider> {
  checkClients(clients)
  let lifeSeconds = wholeSeconds(accessTokenLifeSeconds)
  const requests = new RequestCounters()
  const faults = new Faults(dialect, seededRandom(seed), now)
  faults.set({ latencyMs, failureRate, rate429 })
  const key = generateSigningKey()
  const server = await listen(listenOptions)
  const lifeOf = (clientId: string) =>
    clients.find(client => client.clientId === clientId)?.accessTokenLifeSeconds ?? lifeSeconds
  const provider = new Provider(server.url, configurationOf({ clients, resources, key, now, lifeOf }))
  // What goes wrong is in the reply; Koa would print it as well.
  provider.silent = true
  const tokens = new IssuedTokens(provider, key, now)
  function countGrant({ oidc }: KoaContextWithOIDC): void {
    // Anything can stand in that parameter; only what this provider grants gets a name.
    requests.countGrant(oidc.params?.grant_type === 'client_credentials' ? 'client_credentials' : 'other')
    requests.countApp(oidc.client?.clientId ?? 'unknown')
  }
  provider.on('grant.success', countGrant)
  provider.on('grant.error', countGrant)
  const serve = provider.callback()
  server.handle(
    frontDoor({
      counters: requests,
      faults,
      nameOf: (_, path) => path,
      handle: async (request, response, path) => {
        if (path !== RESOURCE_PATH) return serve(request, response)
        const { method, headers } = request
        sendReply(response, await protectedResource(tokens, { method, authorization: headers.authorization }))
      },
    }),
  )
  return {
    issuer: server.url,
    url: server.url,
    port: server.port,
    clients,
    requests,
    faults,
    resourceUrl: server.url + RESOURCE_PATH,
    get accessTokenLifeSeconds() {
      return lifeSeconds
    },
    set accessTokenLifeSeconds(seconds) {
      lifeSeconds = wholeSeconds(seconds)
    },
    revoke: token => tokens.revoke(token),
    reset: () => requests.reset(),
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

const dialect: FaultDialect = {
  retryAfterHeader: 'retry-after',
  unavailable: () => ({ status: 503, body: { error: 'temporarily_unavailable' } }),
  tooMany: headers => ({
    status: 429,
    headers,
    body: { error: 'temporarily_unavailable', error_description: 'too many requests' },
  }),
}

function wholeSeconds(seconds: number): number {
  if (Number.isSafeInteger(seconds) && seconds > 0) return seconds
  throw new RangeError(`accessTokenLifeSeconds must be a whole number above 0, not ${seconds}`)
}
