import type { AcquisitionStatus } from '../tokens/failure.ts'

/** `hang`: no answer at all. `cut`: the connection ends in the middle of the body. */
export type HostileReply =
  | 'hang'
  | 'cut'
  | { status?: number; headers?: Readonly<Record<string, string>>; body: string | Uint8Array }

/** A proper reply of the provider's token endpoint with this token and life in it; an undefined one is left out. */
export type TokenReply = (token: unknown, expiresInSeconds: unknown) => Exclude<HostileReply, string>

interface Material {
  tokenReply: TokenReply
  token: string
  /** A text with all secrets in it. */
  echo: string
}

interface Hostile {
  readonly name: string
  reply(material: Material): HostileReply
  /** How the failure may be sorted. */
  readonly statuses: readonly AcquisitionStatus[]
  readonly retryAfterMs?: number
  /** Some protocols allow it. */
  readonly mayPass?: boolean
}

const html = { 'content-type': 'text/html; charset=utf-8' }
const json = { 'content-type': 'application/json' }
const failed = ['failed'] as const

/** What a token endpoint should never answer, and some day does. */
export const hostileReplies: readonly Hostile[] = [
  page('an HTML page with HTTP 200', 200),
  page('an HTML page with HTTP 404', 404),
  page('an HTML page with HTTP 502', 502),
  raw('garbage', '{"token": "token-of-this-test-0123456789'),
  raw('an empty body', ''),
  raw('null', 'null'),
  raw('an array', '["token-of-this-test-0123456789"]'),
  raw('a text', '"token-of-this-test-0123456789"'),
  raw('an empty object', '{}'),
  raw('bytes that are no text', Uint8Array.from([0xff, 0xfe, 0x00, 0x80, 0xc3])),
  raw('an object of nothing but nesting', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
  life('a negative life', -7200),
  life('a life of nothing', 0),
  life('a life that is a word', 'soon'),
  life('a life that is an object', { seconds: 7200 }),
  life('a life of null', null),
  { ...life('a missing life', undefined), mayPass: true },
  life('a life of a million years', 3e13),
  {
    name: 'a life without end in digits',
    statuses: failed,
    reply: ({ tokenReply, token }) => {
      const reply = tokenReply(token, 98_765_432)
      return { ...reply, body: String(reply.body).replace('98765432', '1e999') }
    },
  },
  token('a missing token', undefined),
  token('an empty token', ''),
  token('a token of null', null),
  token('a token that is a number', 12345),
  token('a token that is an object', { value: 'token-of-this-test-0123456789' }),
  token('a token with a line break', 'token-of-this-test-0123456789\r\nx-injected: yes'),
  token('a token with a null character', 'token-of-this-test-0123456789\u0000'),
  token('a token of 129 kB', 'x'.repeat(129 * 1024)),
  raw('a body of 300 kB', JSON.stringify({ padding: 'x'.repeat(300 * 1024) })),
  { name: 'a connection that is cut', reply: () => 'cut', statuses: ['network_error', 'failed'] },
  {
    name: 'a redirect to another host',
    statuses: failed,
    reply: () => ({ status: 307, headers: { location: 'http://127.0.0.2:9/steal' }, body: '' }),
  },
  {
    name: 'HTTP 429 with Retry-After in seconds',
    statuses: ['rate_limited'],
    retryAfterMs: 7000,
    reply: () => ({ status: 429, headers: { 'retry-after': '7' }, body: '' }),
  },
  {
    name: 'HTTP 429 with a Retry-After of a thousand years',
    statuses: ['rate_limited'],
    retryAfterMs: 3_600_000,
    reply: () => ({ status: 429, headers: { 'retry-after': '31557600000' }, body: '' }),
  },
  {
    name: 'HTTP 429 with a Retry-After that is past',
    statuses: ['rate_limited'],
    retryAfterMs: 0,
    reply: () => ({ status: 429, headers: { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }, body: '' }),
  },
  { name: 'HTTP 429 with nonsense in Retry-After', statuses: ['rate_limited'], reply: () => tooMany('tomorrow') },
  ...[200, 400, 401, 500].map(status => ({
    name: `an error with HTTP ${status} that repeats what was sent`,
    statuses: ['failed', 'credential_error'] as const,
    reply: ({ echo }: Material) => ({
      status,
      headers: { ...json, 'www-authenticate': `Basic realm="${encodeURIComponent(echo)}"` },
      body: JSON.stringify({ code: 10014, msg: echo, message: echo, error: 'invalid_client', error_description: echo }),
    }),
  })),
]

function page(name: string, status: number): Hostile {
  const body = '<!doctype html><title>token-of-this-test-0123456789</title><h1>Welcome</h1>'
  return { name, statuses: failed, reply: ({ echo }) => ({ status, headers: html, body: `${body}${echo}` }) }
}

function raw(name: string, body: string | Uint8Array): Hostile {
  return { name, statuses: failed, reply: () => ({ headers: json, body }) }
}

function life(name: string, seconds: unknown): Hostile {
  return { name, statuses: failed, reply: ({ tokenReply, token }) => tokenReply(token, seconds) }
}

function token(name: string, value: unknown): Hostile {
  return { name, statuses: failed, reply: ({ tokenReply }) => tokenReply(value, 7200) }
}

function tooMany(retryAfter: string): HostileReply {
  return { status: 429, headers: { 'retry-after': retryAfter }, body: '' }
}
