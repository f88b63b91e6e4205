import { type ClientRequest, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

export interface WebhookReply {
  readonly status: number
  /** As it was sent. */
  readonly retryAfter: string | undefined
}

/**
 * One POST, whose reply's body nobody reads. Not by `fetch`: its sockets would keep the process alive as long as the
 * receiver hangs. Redirects are not followed.
 */
export function postOnce(
  url: URL,
  body: string,
  { headers, signal }: { headers: Record<string, string>; signal: AbortSignal },
): Promise<WebhookReply> {
  return new Promise((resolve, reject) => {
    const open = url.protocol === 'https:' ? httpsRequest : httpRequest
    const request: ClientRequest = open(url, { method: 'POST', headers, signal })
    request.on('socket', socket => socket.unref())
    request.on('error', reject)
    request.on('response', response => {
      resolve({ status: response.statusCode!, retryAfter: response.headers['retry-after'] })
      response.destroy()
    })
    request.end(body)
  })
}
