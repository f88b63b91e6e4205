import type { ServerResponse } from 'node:http'

/** A reply spelt out by hand. An object as `body` is sent as JSON in UTF-8, text as it stands (HTML, garbage, nothing). */
export interface RawReply {
  /** @default 200 */
  status?: number
  headers?: Record<string, string>
  body?: string | Buffer | object
}

export function sendReply(response: ServerResponse, { status = 200, headers = {}, body = '' }: RawReply): void {
  // The caller may have left while the reply waited; its socket is gone and so is the reason to write.
  if (response.destroyed || response.headersSent) return
  const isText = typeof body === 'string' || Buffer.isBuffer(body)
  const bytes = Buffer.from(isText ? body : JSON.stringify(body))
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8'
  response.writeHead(status, { 'content-type': type, ...headers, 'content-length': bytes.length }).end(bytes)
}
