import { inspect } from 'node:util'
import type { Clock } from '../core/clock.ts'
import type { HotwellError } from '../core/errors.ts'
import { scrub } from '../core/scrub.ts'
import { isNetworkError, type ProviderFailureOptions, providerFailure } from './failure.ts'

/** The longest reply that is read, in bytes. */
export const longestReply = 256 * 1024
/** However long an upstream asks to be left alone, it is asked again after this. */
const longestRetryAfterMs = 3_600_000

export interface TokenEndpointCall {
  url: string
  init: RequestInit
  fetch: typeof globalThis.fetch
  signal: AbortSignal
  clock: Clock
  /** From sending to the reply's last byte. */
  timeoutSeconds: number
  /** The request may be sent again without harm, so an unknown outcome is merely retryable. Default false. */
  repeatable?: boolean
  /** What no message or cause may show. */
  secrets: readonly string[]
}

/** A reply that was read whole. */
export interface TokenEndpointReply {
  /** Who replied, for messages: origin and path, no query. */
  readonly from: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed body; undefined where it is not JSON. */
  readonly json: unknown
  readonly serverDate?: number
  readonly retryAfterMs?: number
  readonly repeatable: boolean
}

/**
 * Asks a provider's endpoint and reads its reply whole, within a time and a size. Redirects are not followed, for they
 * would carry the secret elsewhere.
 * @throws the signal's reason when it aborts; else a sorted HotwellError: `timeout`, or `provider_error` where there was
 * no connection, no whole reply, or too long a one
 */
export async function callTokenEndpoint(call: TokenEndpointCall): Promise<TokenEndpointReply> {
  const { url, init, fetch, signal, clock, timeoutSeconds, repeatable = false } = call
  signal.throwIfAborted()
  const { origin, pathname } = new URL(url)
  const from = origin + pathname
  const unknownOutcome = repeatable ? 'retryable' : 'uncertain'
  const deadline = new AbortController()
  const timer = clock.schedule(() => deadline.abort(), timeoutSeconds * 1000)
  try {
    const within = AbortSignal.any([signal, deadline.signal])
    const response = await fetch(url, { ...init, redirect: 'manual', signal: within })
    const text = await readText(response, from, unknownOutcome)
    const { status, headers } = response
    return { from, status, headers, text, json: parseJson(text), repeatable, ...timesOf(headers, clock.now()) }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (deadline.signal.aborted) {
      const message = `${from} did not answer within ${timeoutSeconds} s.`
      throw providerFailure({ code: 'timeout', disposition: unknownOutcome, message })
    }
    if (isSorted(error)) throw error
    throw connectionFailure(error, from, unknownOutcome, call.secrets)
  } finally {
    timer.cancel()
  }
}

/** Sorts a reply by its HTTP status alone, for one whose body says nothing that is understood. */
export function failureByStatus(reply: TokenEndpointReply, said = ''): HotwellError {
  const { from, status, headers, retryAfterMs } = reply
  const answer = `${from} answered HTTP ${status}`
  const details = { httpStatus: status }
  if (status === 429) {
    const message = `${answer}: it limits the rate of requests${said}.`
    return providerFailure({ code: 'rate_limited', message, retryAfterMs, details })
  }
  if (status >= 500 || status === 408 || status === 425) {
    return providerFailure({ message: `${answer}${said}.`, retryAfterMs, details })
  }
  if (status >= 300 && status < 400) {
    const message = `${answer}, a redirect${targetOf(headers, from)}, which is not followed with a secret in hand. Configure the endpoint's final address.`
    return providerFailure({ message, disposition: 'terminal', details })
  }
  if (status >= 400) {
    const hint = said || ` with ${describeBody(reply)}; is the address right?`
    return providerFailure({ message: `${answer}${hint}${said && '.'}`, disposition: 'terminal', details })
  }
  const disposition = reply.repeatable ? 'retryable' : 'uncertain'
  const message = `${answer} with ${describeBody(reply)}, not with the JSON object expected; is the address right?`
  return providerFailure({ message, disposition, details })
}

/** What an upstream said of an error, fit for a message: short, printable, without secrets or what looks like one. */
export function quoted(said: unknown, secrets: readonly string[]): string {
  if (typeof said !== 'string' || said === '') return ''
  let text = scrub(said.slice(0, 4096), secrets.flatMap(formsOf))
  // A run this long is no word; it may be a token that is echoed.
  text = text.replace(/[\w.~+/=-]{20,}/g, '[…]').replace(/[^\P{C} ]+/gu, ' ')
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

/** `Retry-After` as seconds or date (RFC 9110 section 10.2.3), in milliseconds from now, an hour at most. */
export function retryAfterOf(headers: Headers, nowMs: number): number | undefined {
  // Feishu tells the seconds until the rate limit's reset in a header of its own.
  const value = (headers.get('retry-after') ?? headers.get('x-ogw-ratelimit-reset'))?.trim()
  if (!value) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), longestRetryAfterMs)
}

function timesOf(headers: Headers, nowMs: number): { serverDate?: number; retryAfterMs?: number } {
  const date = headers.has('age') ? Number.NaN : Date.parse(headers.get('date') ?? '')
  return { serverDate: Number.isNaN(date) ? undefined : date, retryAfterMs: retryAfterOf(headers, nowMs) }
}

async function readText(
  response: Response,
  from: string,
  disposition: ProviderFailureOptions['disposition'],
): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    // Leaving the loop cancels the body, and with it the connection.
    if (bytes > longestReply) {
      const message = `${from} answered with more than ${longestReply} bytes; a token's reply is never that long.`
      throw providerFailure({ message, disposition, details: { httpStatus: response.status } })
    }
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function connectionFailure(
  error: unknown,
  from: string,
  unknownOutcome: 'retryable' | 'uncertain',
  secrets: readonly string[],
): HotwellError {
  const code = codeOf(error)
  const cause = showsSecret(error, secrets) ? undefined : error
  const why = code ? ` (${code})` : ''
  if (beforeSending.test(code)) {
    const message = `No connection to ${from}${why}.`
    return providerFailure({ message, disposition: 'retryable', status: 'network_error', cause })
  }
  const status = isNetworkError(error) || error instanceof TypeError ? 'network_error' : 'failed'
  const message = `The request to ${from} failed before its reply was complete${why}.`
  return providerFailure({ message, disposition: unknownOutcome, status, cause })
}

/** Nothing has left this machine when one of these is the reason. */
const beforeSending =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|\w*CERT\w*|ERR_TLS_\w+|UNABLE_TO_\w+)$/

function codeOf(error: unknown): string {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown } }
  const found = cause?.code ?? code
  return typeof found === 'string' && /^[A-Z0-9_]{1,64}$/.test(found) ? found : ''
}

/** True where printing the value would show one of the secrets. */
export function showsSecret(value: unknown, secrets: readonly string[]): boolean {
  const printed = inspect(value, { depth: 10, showHidden: true, maxStringLength: null, maxArrayLength: null })
  return secrets.some(secret => formsOf(secret).some(form => printed.includes(form)))
}

function formsOf(secret: string): string[] {
  if (secret === '') return []
  return [...new Set([secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])]
}

function isSorted(error: unknown): boolean {
  return error instanceof Error && error.name === 'HotwellError'
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Form and length of a body; nothing of its content. */
function describeBody({ headers, text }: TokenEndpointReply): string {
  if (text === '') return 'an empty body'
  const type = headers
    .get('content-type')
    ?.match(/^[\w.+-]{1,40}\/[\w.+-]{1,40}/)?.[0]
    .toLowerCase()
  return `${Buffer.byteLength(text)} bytes${type ? ` of ${type}` : ''}`
}

function targetOf(headers: Headers, from: string): string {
  const location = headers.get('location') ?? ''
  return URL.canParse(location, from) ? ` to ${new URL(location, from).origin}` : ''
}
