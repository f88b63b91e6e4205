import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ListenOptions {
  /** Port to listen on; 0 takes a free one. @default 0 */
  port?: number
  /** Address to listen on. @default '127.0.0.1' */
  host?: string
}

export interface HttpServer {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string
  readonly port: number
  /** Must be called once, at once after listening: a provider needs to know its URL before it can be built. */
  handle(listener: RequestListener): void
  /** Cuts every connection, also those in the middle of a request. Closing twice is safe. */
  close(): Promise<void>
}

export async function listen({ port = 0, host = '127.0.0.1' }: ListenOptions): Promise<HttpServer> {
  const server = createServer()
  server.listen(port, host)
  await once(server, 'listening')
  const actualPort = (server.address() as AddressInfo).port
  let closed: Promise<void> | undefined
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    port: actualPort,
    handle: listener => void server.on('request', listener),
    close: () =>
      (closed ??= new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })),
  }
}
