import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A token that was issued. Its value says whose it is and when it ends, so that whoever holds one can check it. */
export interface IssuedToken {
  readonly value: string
  readonly client: string
  readonly scope: string
  readonly at: number
  readonly expiresAt: number
  /** When the request was sent, if the asking process said so in `x-sent-at`. */
  readonly sentAt: number
  /** What the asking process calls itself in `x-process`. */
  readonly process: string
}

type Answer = { status?: number; headers?: Record<string, string>; body: string }

export interface TokenServerOptions {
  lifeSeconds: number
  latencyMs?: number
  /** Called before a token is made; may wait, and may answer something else. */
  intercept?: (request: { process: string; client: string }) => Promise<Answer | undefined> | Answer | undefined
}

/** A token endpoint for client credentials (RFC 6749 section 4.4) that remembers all it issued. */
export async function startTokenServer(options: TokenServerOptions) {
  const issued: IssuedToken[] = []
  const secrets: string[] = []
  let requests = 0

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += chunk
    requests++
    const [client = '', secret = ''] = Buffer.from(String(request.headers.authorization).slice(6), 'base64')
      .toString()
      .split(':')
    secrets.push(secret)
    const process = String(request.headers['x-process'] ?? '')
    const { latencyMs = 0 } = settings
    if (latencyMs > 0) await new Promise(resolve => setTimeout(resolve, latencyMs))
    const other = await settings.intercept?.({ process, client })
    if (other) {
      response.writeHead(other.status ?? 200, { 'content-type': 'application/json', ...other.headers }).end(other.body)
      return
    }
    const scope = new URLSearchParams(body).get('scope') ?? ''
    const at = Date.now()
    const expiresAt = at + settings.lifeSeconds * 1000
    const value = `token~${client}~${scope}~${issued.length}~${expiresAt}`
    issued.push({ value, client, scope, at, expiresAt, process, sentAt: Number(request.headers['x-sent-at'] ?? at) })
    const reply = { access_token: value, token_type: 'Bearer', expires_in: settings.lifeSeconds }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply))
  }

  const settings = { ...options }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    tokenEndpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    issued,
    /** The client secrets that were presented, one a request. */
    secrets,
    /** May be changed while it runs. */
    settings,
    get requests() {
      return requests
    },
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export type TokenServer = Awaited<ReturnType<typeof startTokenServer>>

/** What a value of {@link startTokenServer} says of itself. */
export function readToken(value: string): { client: string; scope: string; expiresAt: number } {
  const [, client = '', scope = '', , expiresAt] = value.split('~')
  return { client, scope, expiresAt: Number(expiresAt) }
}
