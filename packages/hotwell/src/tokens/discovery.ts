import {
  type AuthorizationServer,
  allowInsecureRequests,
  customFetch,
  discoveryRequest,
  processDiscoveryResponse,
} from 'oauth4webapi'
import type { Clock } from '../core/clock.ts'
import { providerFailure } from './failure.ts'
import { isLoopback } from './provider-options.ts'
import { callTokenEndpoint, failureByStatus, type TokenEndpointReply } from './token-endpoint.ts'

export interface DiscoveryOptions {
  issuer: URL
  /** Allows an endpoint with plain http on another machine. */
  allowInsecure: boolean
  fetch: typeof globalThis.fetch
  timeoutSeconds: number
}

interface Flight {
  promise: Promise<AuthorizationServer>
  controller: AbortController
  waiting: number
}

const keptMs = 3_600_000

/**
 * Finds an issuer's endpoints: one request for all who ask at once, its result kept for an hour, a failure not at all.
 * A caller's abort ends the caller's wait; the request ends when nobody is left waiting.
 */
export function createDiscovery(
  options: DiscoveryOptions,
): (request: { signal: AbortSignal; clock: Clock }) => Promise<AuthorizationServer> {
  let found: { server: AuthorizationServer; until: number } | undefined
  let flight: Flight | undefined

  function start(clock: Clock): Flight {
    const controller = new AbortController()
    const promise = discover(options, controller.signal, clock)
    promise.then(
      server => (found = { server, until: clock.monotonic() + keptMs }),
      () => {},
    )
    return { promise, controller, waiting: 0 }
  }

  return async ({ signal, clock }) => {
    signal.throwIfAborted()
    if (found && clock.monotonic() < found.until) return found.server
    const mine = (flight ??= start(clock))
    mine.waiting++
    const aborted = Promise.withResolvers<never>()
    const abort = () => aborted.reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await Promise.race([mine.promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', abort)
      if (--mine.waiting === 0) {
        // Only one's own flight: an abandoned one may be left after its successor began.
        if (flight === mine) flight = undefined
        mine.controller.abort()
      }
    }
  }
}

async function discover(options: DiscoveryOptions, signal: AbortSignal, clock: Clock): Promise<AuthorizationServer> {
  const oidc = await ask('oidc', options, signal, clock)
  // RFC 8414 puts the document of a server that is no OpenID provider elsewhere.
  const reply = oidc.status === 404 ? await ask('oauth2', options, signal, clock) : oidc
  if (reply.status === 404) {
    const message = `${options.issuer.href} publishes no metadata: ${oidc.from} and ${reply.from} are not there. Check the issuer, or configure tokenEndpoint.`
    throw providerFailure({ message, disposition: 'terminal', scope: 'provider', details: { httpStatus: 404 } })
  }
  if (reply.status !== 200 || reply.json === undefined) throw failureByStatus(reply)
  const { issuer, allowInsecure } = options
  let server: AuthorizationServer
  try {
    server = await processDiscoveryResponse(issuer, new Response(reply.text, { status: 200 }))
  } catch (error) {
    throw unfit(reply, `it is not the metadata of ${issuer.href} (${(error as Error).message})`)
  }
  const endpoint = typeof server.token_endpoint === 'string' ? server.token_endpoint : ''
  if (!URL.canParse(endpoint)) throw unfit(reply, 'it names no token endpoint')
  const url = new URL(endpoint)
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && (allowInsecure || bothLoopback(url, issuer)))
  if (!safe) throw unfit(reply, `its token endpoint at ${url.origin} is not encrypted`)
  return server
}

async function ask(
  algorithm: 'oidc' | 'oauth2',
  { issuer, fetch, timeoutSeconds }: DiscoveryOptions,
  signal: AbortSignal,
  clock: Clock,
): Promise<TokenEndpointReply> {
  let reply: TokenEndpointReply | undefined
  await discoveryRequest(issuer, {
    algorithm,
    [allowInsecureRequests]: true,
    [customFetch]: async (url, init) => {
      const call = { url, init: init as RequestInit, fetch, signal, clock, timeoutSeconds, secrets: [] }
      reply = await callTokenEndpoint({ ...call, repeatable: true })
      return new Response(null)
    },
  })
  return reply!
}

function unfit({ from, status }: TokenEndpointReply, why: string) {
  const message = `The metadata at ${from} cannot be used: ${why}. Check the issuer, or configure tokenEndpoint.`
  return providerFailure({ message, disposition: 'terminal', scope: 'provider', details: { httpStatus: status } })
}

/** A loopback token endpoint is only what it seems to be when the issuer is on this machine as well. */
function bothLoopback(endpoint: URL, issuer: URL): boolean {
  return isLoopback(endpoint) && isLoopback(issuer)
}
