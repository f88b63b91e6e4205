import { inspect } from 'node:util'
import { type Clock, sleep } from '../core/clock.ts'
import { HotwellError } from '../core/errors.ts'
import { scrub } from '../core/scrub.ts'
import type { Provider } from './provider.ts'
import { type ReplayableRequest, replayable } from './replayable-request.ts'

export interface AuthorizedFetchOptions {
  provider: Provider
  /** The token to use now. `ageMs`: since it was acquired. */
  getToken(options?: { minTtlSeconds?: number; signal?: AbortSignal }): Promise<{ value: string; ageMs: number }>
  /** Says that the API rejected this token. `renewed`: the next `getToken` has another one. */
  reject(value: string): Promise<'renewed' | 'same'>
  /** @default globalThis.fetch */
  fetch?: typeof globalThis.fetch
  clock: Clock
}

/** A token younger than this may not have reached every server of its API yet. */
const youngMs = 2000
/** The pause before a young token is tried again. */
const youngPauseMs = 200
/** The longest reply that is looked into for a rejection, in bytes. */
const longestRejection = 64 * 1024
const mostRedirects = 5

/**
 * The standard `fetch` with a provider's token put in.
 *
 * Relative paths are resolved, as URLs are, on the provider's first base URL; hosts that are no base URL's are refused,
 * after a redirect as well. A reply that rejects the token (`provider.rejects`, given the status and a JSON body of up to
 * 64 kB) makes the request be sent once more with a different token, if its body can be sent again: a stream cannot.
 * A token under two seconds old is first tried again itself. Whatever the last reply is, the caller gets it whole.
 * @throws HotwellError `invalid_request` for a host where the token must not go; whatever `getToken` throws; else what
 * `fetch` throws, less the token
 */
export function createAuthorizedFetch(options: AuthorizedFetchOptions): typeof globalThis.fetch {
  const { provider, getToken, reject, clock } = options
  const bases = (provider.baseUrls ?? []).map(asFolder)

  return async (input, init) => {
    const request = await replayable(input, init, text => resolve(text, bases))
    const { signal } = request
    const first = await getToken({ signal })
    let reply = await send(options, request, first.value, bases)
    if (!(await isRejected(provider, reply))) return reply
    if (first.ageMs < youngMs) {
      if (!request.again) return reply
      await discard(reply)
      await sleep(clock, youngPauseMs, signal)
      reply = await send(options, request, first.value, bases)
      if (!(await isRejected(provider, reply))) return reply
    }
    if (!request.again) {
      // The reply is all the caller can get; a failed renewal is told by whoever tried it.
      await reject(first.value).catch(() => 'same')
      return reply
    }
    try {
      if ((await reject(first.value)) === 'same') return reply
      const second = await getToken({ signal })
      if (second.value === first.value) return reply
      await discard(reply)
      return await send(options, request, second.value, bases)
    } catch (error) {
      await discard(reply)
      throw error
    }
  }
}

/** Sends the request with this token, through at most five redirects that stay on the provider's hosts. */
async function send(
  { provider, fetch = globalThis.fetch }: AuthorizedFetchOptions,
  { build, redirect, again }: ReplayableRequest,
  token: string,
  bases: readonly URL[],
): Promise<Response> {
  let plain = build()
  let buildAt: ((url: URL) => Request) | undefined = again ? build : undefined
  for (let redirects = 0; ; redirects++) {
    const { url: from, method, headers, signal } = plain
    const reply = await sendOnce(fetch, attachTo(provider, plain, token), token)
    const location = isRedirect(reply.status) ? reply.headers.get('location') : null
    if (location === null || redirect === 'manual') return reply
    await discard(reply)
    if (redirect === 'error') throw new TypeError('fetch failed: the API answered with a redirect')
    if (redirects === mostRedirects) throw refused(`The API redirected more than ${mostRedirects} times.`)
    const url = resolve(location, bases, new URL(from))
    if (becomesGet(reply.status, method)) {
      const init = { headers: withoutContent(headers), signal, redirect: 'manual' } as const
      buildAt = next => new Request(next, init)
    }
    if (!buildAt) throw refused(`The API redirected a body that is a stream to ${url.origin}; it cannot be sent again.`)
    plain = buildAt(url)
  }
}

async function sendOnce(fetch: typeof globalThis.fetch, request: Request, token: string): Promise<Response> {
  try {
    return await fetch(request)
  } catch (error) {
    if (request.signal.aborted) throw error
    const shown = inspect(error, { depth: 10, maxStringLength: null })
    if (scrub(shown, [token]) === shown) throw error
    const clean = new TypeError(scrub(error instanceof Error ? error.message : 'fetch failed', [token]))
    throw Object.assign(clean, { code: (error as NodeJS.ErrnoException | undefined)?.code })
  }
}

/** The default way to put a token into a request (RFC 6750 section 2.1). */
export function attachBearer(request: Request, token: string): Request {
  const headers = new Headers(request.headers)
  headers.set('authorization', `Bearer ${token}`)
  return new Request(request, { headers })
}

function attachTo({ attach = attachBearer }: Provider, request: Request, token: string): Request {
  let attached: Request
  try {
    attached = attach(request, token)
  } catch {
    // Its own words may quote the token.
    throw new HotwellError('provider_error', 'The token could not be put into the request: attach() failed.')
  }
  if (new URL(attached.url).origin !== new URL(request.url).origin) {
    throw refused('attach() moved the request to another host.')
  }
  return attached.redirect === 'manual' ? attached : new Request(attached, { redirect: 'manual' })
}

/** Where a request goes, if its token may go there. */
function resolve(text: string, bases: readonly URL[], base = bases[0]): URL {
  if (!base) {
    throw refused('This provider has no base URL, so it is not known where its tokens may go. Give it `baseUrls`.')
  }
  if (!URL.canParse(text, base.href)) throw refused('The address is no URL.')
  const url = new URL(text, base)
  if (url.username || url.password) throw refused(`The address at ${url.host} holds a user or a password.`)
  if (bases.some(({ origin }) => origin === url.origin)) return url
  const allowed = [...new Set(bases.map(({ origin }) => origin))].join(', ')
  throw refused(`A token of this provider may only go to ${allowed}, not to ${url.origin}.`)
}

/** By the rules of the Fetch standard (section 4.4, HTTP-redirect fetch). */
function becomesGet(status: number, method: string): boolean {
  return status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST'
}

function withoutContent(headers: Headers): Headers {
  const kept = new Headers(headers)
  for (const name of [...kept.keys()]) if (name.startsWith('content-')) kept.delete(name)
  return kept
}

/** Looks into a copy of the reply; the reply itself stays unread. */
async function isRejected(provider: Provider, reply: Response): Promise<boolean> {
  if (!provider.rejects) return reply.status === 401
  const { status, headers } = reply
  return provider.rejects({ status, headers, body: await jsonOf(reply) })
}

async function jsonOf(reply: Response): Promise<unknown> {
  const { headers, body } = reply
  if (!body || !/^application\/(?:[\w.-]+\+)?json\b/i.test(headers.get('content-type') ?? '')) return undefined
  if (Number(headers.get('content-length') ?? 0) > longestRejection) return undefined
  const reader = reply.clone().body!.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes += part.value.byteLength
      if (bytes > longestRejection) return undefined
      text += decoder.decode(part.value, { stream: true })
    }
    return JSON.parse(text + decoder.decode())
  } catch {
    // Cut off or no JSON: the caller meets that in the reply itself.
    return undefined
  } finally {
    // Of two branches the first to leave is told nothing until the other has left too, so nobody waits for this.
    reader.cancel().catch(() => {})
  }
}

async function discard(reply: Response): Promise<void> {
  await reply.body?.cancel().catch(() => {})
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308
}

/** A base URL is a folder: `users` on `https://api.example.com/v1` is `/v1/users`. */
function asFolder(base: string): URL {
  const url = new URL(base)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

function refused(message: string): HotwellError {
  return new HotwellError('invalid_request', message)
}
