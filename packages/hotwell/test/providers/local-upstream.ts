import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HostileReply } from '../../src/testing/hostile-replies.ts'

export interface Seen {
  method: string
  /** Path and query. */
  path: string
  headers: IncomingMessage['headers']
  body: string
}

/** A real HTTP server on this machine that answers as it is told, one request at a time. */
export interface LocalUpstream {
  url: string
  port: number
  /** What came, oldest first. */
  seen: Seen[]
  /** Answers every request from now on. */
  respond: (request: Seen, response: ServerResponse) => HostileReply | undefined | Promise<HostileReply | undefined>
  close(): Promise<void>
}

export async function startLocalUpstream(respond: LocalUpstream['respond']): Promise<LocalUpstream> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', part => parts.push(part))
    request.on('error', () => {})
    request.on('end', async () => {
      const { method = '', url = '', headers } = request
      const seen = { method, path: url, headers, body: Buffer.concat(parts).toString() }
      upstream.seen.push(seen)
      send(response, await upstream.respond(seen, response))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const upstream: LocalUpstream = {
    url: `http://127.0.0.1:${port}`,
    port,
    seen: [],
    respond,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return upstream
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}) {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  }
}

/** Undefined: the responder has written the reply itself. */
function send(response: ServerResponse, reply: HostileReply | undefined): void {
  if (reply === undefined || reply === 'hang') return
  if (reply === 'cut') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 }).write('{"cut":')
    setImmediate(() => response.destroy())
    return
  }
  response.writeHead(reply.status ?? 200, { ...reply.headers }).end(reply.body)
}
