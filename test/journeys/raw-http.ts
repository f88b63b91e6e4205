import { connect } from 'node:net'

export interface RawReply {
  status: number
  headers: Headers
  body: string
}

/**
 * Sends a request just as it is given, byte for byte, as no decent client would: nothing is normalised, encoded or
 * added but `Connection: close`. Resolves undefined if the server hung up without a reply.
 */
export function rawRequest(
  url: string,
  request: {
    method?: string
    target: string
    headers?: Readonly<Record<string, string | readonly string[]>>
    body?: string
  },
): Promise<RawReply | undefined> {
  const { hostname, port, host } = new URL(url)
  const { method = 'GET', target, body = '', headers = {} } = request
  const lines = Object.entries({ host, connection: 'close', ...headers }).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map(one => `${name}: ${one}`),
  )
  if (body) lines.push(`content-length: ${Buffer.byteLength(body)}`)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    const chunks: Buffer[] = []
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', error => (chunks.length > 0 ? undefined : reject(error)))
    socket.on('close', () => resolve(parse(Buffer.concat(chunks).toString())))
    socket.write(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
  })
}

function parse(text: string): RawReply | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = new Headers(lines.map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]))
  const body = text.slice(end + 4)
  return { status: Number(first.split(' ')[1]), headers, body: isChunked(headers) ? unchunked(body) : body }
}

const isChunked = (headers: Headers) => headers.get('transfer-encoding')?.trim() === 'chunked'

function unchunked(body: string): string {
  let rest = Buffer.from(body)
  let text = ''
  for (;;) {
    const line = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.subarray(0, line).toString(), 16)
    if (!(size > 0)) return text
    text += rest.subarray(line + 2, line + 2 + size).toString()
    rest = rest.subarray(line + 4 + size)
  }
}
