import { parseRef } from 'hotwell'
import { CommandFailure, exitCodes } from '../commands/exit-codes.ts'

export interface ServerClientOptions {
  /** Default: HOTWELL_URL, then http://127.0.0.1:8000. */
  url?: string
  /** Default: HOTWELL_API_KEY, then none. */
  apiKey?: string
  environment?: NodeJS.ProcessEnv
}

/** Talks to a running server. Every failure becomes a CommandFailure with its exit code. */
export interface ServerClient {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
  put<T>(path: string, body?: unknown): Promise<T>
  patch<T>(path: string, body?: unknown): Promise<T>
  delete<T>(path: string): Promise<T>
  /** What it talks to, for reports. */
  readonly url: string
}

export function serverClient({ environment = process.env, ...given }: ServerClientOptions): ServerClient {
  const base = baseOf(given.url ?? environment.HOTWELL_URL ?? 'http://127.0.0.1:8000')
  const apiKey = given.apiKey ?? environment.HOTWELL_API_KEY
  const headers: Record<string, string> = apiKey ? { authorization: `Bearer ${apiKey}` } : {}

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const init: RequestInit = { method, headers, redirect: 'error' }
    if (body !== undefined) {
      init.headers = { ...headers, 'content-type': 'application/json' }
      init.body = JSON.stringify(body)
    }
    const response = await fetch(base + path, init).catch((error: unknown) => {
      throw unreachable(base, error)
    })
    if (response.status === 204) return undefined as T
    const reply = (await response.json().catch(() => undefined)) as unknown
    if (!response.ok) throw failureOf(base, response.status, reply)
    if (reply === undefined) throw new CommandFailure(`${base} answers, but not as a Hotwell server does.`)
    return reply as T
  }

  return {
    url: base,
    get: path => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    patch: (path, body) => call('PATCH', path, body),
    delete: path => call('DELETE', path),
  }
}

/**
 * The path of a ref below `/api/v1/tokens/`, with an action or without.
 * @throws CommandFailure (usage) for what is no ref
 */
export function tokenPath(
  ref: string,
  action?: 'refresh' | 'invalidate',
  parameters: Record<string, string> = {},
): string {
  let canonical: string
  try {
    canonical = parseRef(ref).canonical
  } catch (error) {
    throw new CommandFailure((error as Error).message, exitCodes.usage, { cause: error })
  }
  const [path, query = ''] = canonical.split('?') as [string, string?]
  const all = [query, new URLSearchParams(parameters).toString()].filter(part => part !== '').join('&')
  return `/api/v1/tokens/${path}${action ? `/-/${action}` : ''}${all === '' ? '' : `?${all}`}`
}

function baseOf(url: string): string {
  try {
    const { protocol, origin, pathname } = new URL(url)
    if (protocol === 'http:' || protocol === 'https:') return origin + pathname.replace(/\/+$/, '')
  } catch {
    // Falls through to the same message.
  }
  throw new CommandFailure(`"${url}" is no URL of a server; it looks like http://127.0.0.1:8000`, exitCodes.usage)
}

function unreachable(base: string, error: unknown): CommandFailure {
  const cause = (error as Error).cause
  const { code, message: text } = (cause ?? error) as NodeJS.ErrnoException
  const why = code ?? text
  const message = `No server answers at ${base} (${why}). Start one with \`hotwell serve\`, or name another with --url or HOTWELL_URL.`
  return new CommandFailure(message, exitCodes.unreachable, { cause: error })
}

function failureOf(base: string, status: number, reply: unknown): CommandFailure {
  const { detail, code } = (reply ?? {}) as { detail?: string; code?: string }
  if (typeof detail !== 'string' || typeof code !== 'string') {
    return new CommandFailure(`${base} answers with status ${status}, but not as a Hotwell server does.`)
  }
  const refused = status === 401 || status === 403
  const hint = status === 401 ? ' Give the key in HOTWELL_API_KEY.' : ''
  return new CommandFailure(`${detail}${hint} (${code})`, refused ? exitCodes.refused : exitCodes.failure)
}
