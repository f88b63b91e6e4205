import { HotwellError, isHotwellError } from '../../../core/errors.ts'
import { exactJson } from '../../model/exact-json.ts'

/** The standard `fetch`, as far as it is needed: the global one, or that of a token handle. */
export type SourceFetch = (input: string, init?: RequestInit) => Promise<Response>

export interface JsonClientOptions {
  /** Sends requests, tokens included. @default globalThis.fetch */
  fetch?: SourceFetch
  /** Sent with each request; they show nowhere else. */
  headers?: Readonly<Record<string, string>>
  /** A larger reply is not taken. @default 32 */
  maxReplyMegabytes?: number
  /** For how long a reply may take, whole. @default 60 */
  timeoutSeconds?: number
}

export interface JsonReply {
  readonly status: number
  readonly headers: Headers
  /** Undefined where it is none of JSON; never with a status below 300. */
  readonly body: unknown
  /** Where it came from. */
  readonly url: URL
}

const mostRedirects = 5
const defaultWaitHeaders = ['retry-after', 'x-ogw-ratelimit-reset']
const passing = new Set([408, 425, 429, 500, 502, 503, 504])
/** Only to take addresses apart that have no host: those that a token handle completes. */
const nowhere = 'http://relative.invalid'

/**
 * Asks for JSON. What passes (no connection, too many requests, a server that fails) is `source_failed`, with the wait
 * that was asked for; trying again is the engine's affair. Errors name host and path, never the query.
 */
export class JsonClient {
  readonly #fetch: SourceFetch
  readonly #headers: Readonly<Record<string, string>>
  readonly #maxReplyBytes: number
  readonly #timeoutMs: number
  #hasWorked = false

  constructor({ fetch, headers = {}, maxReplyMegabytes = 32, timeoutSeconds = 60 }: JsonClientOptions) {
    this.#fetch = fetch ?? ((input, init) => globalThis.fetch(input, init))
    this.#headers = { accept: 'application/json', ...headers }
    this.#maxReplyBytes = maxReplyMegabytes * 1024 * 1024
    this.#timeoutMs = timeoutSeconds * 1000
  }

  /** @throws HotwellError `source_failed`, or what the fetch itself says; the signal's own reason passes through */
  async get(url: URL, signal: AbortSignal): Promise<JsonReply> {
    signal.throwIfAborted()
    const timeout = AbortSignal.timeout(this.#timeoutMs)
    try {
      return await this.#get(url, AbortSignal.any([signal, timeout]))
    } catch (error) {
      signal.throwIfAborted()
      if (isHotwellError(error)) throw error
      const seconds = this.#timeoutMs / 1000
      const why = timeout.aborted ? `did not answer within ${seconds} s` : `could not be reached${codeOf(error)}`
      throw new HotwellError('source_failed', `${shownUrl(url)} ${why}.`, { cause: causeOf(error) })
    }
  }

  /** What a reply that is none of what was asked for means. A token that was good before may be so again. */
  refusal({ status, url }: JsonReply): HotwellError {
    return new HotwellError('source_failed', `${shownUrl(url)} refuses the request: HTTP ${status}.`, {
      retryable: status === 401 && this.#hasWorked,
      details: { status },
    })
  }

  async #get(from: URL, signal: AbortSignal): Promise<JsonReply> {
    let url = from
    for (let redirects = 0; ; redirects++) {
      const reply = await this.#fetch(requestText(url), { headers: this.#headers, redirect: 'manual', signal })
      const location = reply.status >= 301 && reply.status <= 308 ? reply.headers.get('location') : null
      if (location === null) return this.#read(reply, url)
      await discard(reply)
      if (redirects === mostRedirects) throw refused(`${shownUrl(from)} redirects more than ${mostRedirects} times.`)
      url = sameOrigin(location, url, reply.url)
    }
  }

  async #read(reply: Response, url: URL): Promise<JsonReply> {
    const { status, headers } = reply
    if (passing.has(status)) {
      await discard(reply)
      const what = status === 429 ? 'limits the rate of requests' : 'fails'
      throw new HotwellError('source_failed', `${shownUrl(url)} ${what}: HTTP ${status}.`, {
        retryAfterMs: waitOf(headers),
      })
    }
    const text = await this.#text(reply, url)
    if (status < 300) this.#hasWorked = true
    try {
      return { status, headers, body: exactJson(text), url: completed(url, reply.url) }
    } catch {
      // What it says instead is not quoted: it may hold anything.
      if (status < 300)
        throw new HotwellError('source_failed', `${shownUrl(url)} answers with something that is no JSON.`)
      return { status, headers, body: undefined, url }
    }
  }

  async #text(reply: Response, url: URL): Promise<string> {
    const parts: Uint8Array[] = []
    let bytes = 0
    if (!reply.body) return ''
    for await (const part of reply.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += part.byteLength
      // Leaving the loop cancels the rest.
      if (bytes > this.#maxReplyBytes)
        throw refused(`${shownUrl(url)} answers with more than ${this.#maxReplyBytes} bytes.`)
      parts.push(part)
    }
    return Buffer.concat(parts).toString()
  }
}

/** How long a reply asks to wait, in ms. */
export function waitOf(headers: Headers): number | undefined {
  for (const name of defaultWaitHeaders) {
    const text = headers.get(name)
    if (!text) continue
    const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
    if (ms >= 0) return ms
  }
  return undefined
}

/** Host and path: a query may hold secrets. */
export function shownUrl(url: URL): string {
  return url.origin === nowhere ? url.pathname : url.origin + url.pathname
}

/**
 * An address that may lack its host, which the fetch completes then.
 * @throws HotwellError `invalid_configuration`
 */
export function sourceUrl(text: string): URL {
  if (!URL.canParse(text, nowhere))
    throw new HotwellError('invalid_configuration', `The address of a source is a URL, not "${text.split('?')[0]}".`)
  const url = new URL(text, nowhere)
  if (url.username || url.password)
    throw new HotwellError('invalid_configuration', `The address at ${url.host} holds a user or a password.`)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new HotwellError('invalid_configuration', `A source is read over http: or https:, not ${url.protocol}`)
  return url
}

/**
 * Where an API points to, if it is its own.
 * @throws HotwellError `source_failed` when it is somebody else's
 */
export function sameOrigin(text: string, from: URL, completedUrl = ''): URL {
  const base = completed(from, completedUrl)
  if (URL.canParse(text, base.href)) {
    const url = new URL(text, base)
    const isOwn = url.origin === base.origin && !url.username && !url.password
    if (isOwn) return from.origin === nowhere ? new URL(url.pathname + url.search, nowhere) : url
  }
  throw refused(`${shownUrl(from)} points to another origin; what it sends there would go to strangers.`)
}

function completed(url: URL, completedUrl: string): URL {
  return url.origin === nowhere && URL.canParse(completedUrl) ? new URL(completedUrl) : url
}

function requestText(url: URL): string {
  return url.origin === nowhere ? url.pathname + url.search : url.href
}

function refused(message: string): HotwellError {
  return new HotwellError('source_failed', message, { retryable: false })
}

function codeOf(error: unknown): string {
  const { code } = ((error as Error | undefined)?.cause ?? error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? `: ${code}` : ''
}

/** Only its kind: messages of a client may quote the address. */
function causeOf(error: unknown): Error {
  const { name = 'Error' } = (error ?? {}) as { name?: string }
  return new Error(`${name}${codeOf(error)}`)
}

async function discard(reply: Response): Promise<void> {
  await reply.body?.cancel().catch(() => {})
}
