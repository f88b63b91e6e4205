import type { ServerResponse } from 'node:http'
import type { TokenDetails, TokenState } from 'hotwell'

interface Prepared {
  /** JSON up to the end, as far as it is the same for each reply with this token. */
  readonly head: string
  readonly generation: string
  /** ASCII is one byte a character, which spares counting and encoding. */
  readonly ascii: boolean
}

const headers = [
  'content-type',
  'application/json; charset=utf-8',
  'cache-control',
  'no-store',
  'x-content-type-options',
  'nosniff',
  'cross-origin-resource-policy',
  'same-origin',
  'content-length',
]
const prepared = new WeakMap<TokenDetails, Prepared>()

/**
 * Writes the reply of the hot route. All that depends on the token alone is serialised once for each token; a reply
 * adds the seconds left and the state. It is written past the framework, whose handling of headers and payload would
 * cost as much again as serving the token.
 */
export function writeTokenReply(response: ServerResponse, details: TokenDetails, state: TokenState): void {
  const { head, generation, ascii } = prepared.get(details) ?? prepare(details)
  const { expiresAt, from } = details
  const left = expiresAt === Number.POSITIVE_INFINITY ? null : Math.max(0, Math.floor((expiresAt - Date.now()) / 1000))
  const body = `${head}${left},"generation":${generation},"state":"${state}","source":"${from}"}`
  const length = ascii ? body.length : Buffer.byteLength(body)
  response.writeHead(200, [...headers, String(length)])
  response.end(body, ascii ? 'latin1' : 'utf8')
}

function prepare(details: TokenDetails): Prepared {
  const { ref, value, tokenType, expiresAt, generation } = details
  const ends = expiresAt === Number.POSITIVE_INFINITY ? null : new Date(expiresAt).toISOString()
  const known = JSON.stringify({ ref, token: value, tokenType, expiresAt: ends })
  const head = `${known.slice(0, -1)},"expiresInSeconds":`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  const entry = { head, generation: String(generation), ascii: /^[\u0000-\u007f]*$/.test(head) }
  prepared.set(details, entry)
  return entry
}
