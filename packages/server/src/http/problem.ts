import { type ErrorCode, errorCodes, type HotwellError, isHotwellError } from 'hotwell'

/** What only an HTTP server can run into, beside the codes of the library. */
const serverCodes = {
  method_not_allowed: { status: 405, retryable: false, title: 'This method is not allowed here' },
  request_timeout: { status: 408, retryable: true, title: 'The request took too long to arrive' },
  payload_too_large: { status: 413, retryable: false, title: 'The request is too large' },
  unsupported_media_type: { status: 415, retryable: false, title: 'This kind of body is not understood' },
  too_many_requests: { status: 429, retryable: true, title: 'Too many requests' },
  headers_too_large: { status: 431, retryable: false, title: 'The URL or the headers are too large' },
  internal_error: { status: 500, retryable: false, title: 'The server failed' },
} as const

export type ProblemCode = ErrorCode | keyof typeof serverCodes
export const problemCodes = Object.keys({ ...errorCodes, ...serverCodes }) as ProblemCode[]

/** A problem document (RFC 9457) with the code, and whether the same request may succeed later. */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  instance: string
  code: ProblemCode
  retryable: boolean
}

/** A refusal of the server itself. */
export class RequestRefused extends Error {
  readonly code: ProblemCode
  readonly retryAfterMs: number | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ProblemCode,
    detail: string,
    options: { retryAfterMs?: number; headers?: Record<string, string> } = {},
  ) {
    super(detail)
    this.name = 'RequestRefused'
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.headers = options.headers ?? {}
  }
}

export interface ProblemReply {
  problem: Problem
  headers: Record<string, string>
  /** True when nobody foresaw it: it belongs into the log. */
  unforeseen: boolean
}

/** The reply for an error. What nobody foresaw is not told to the caller: its text could hold anything. */
export function problemReply(error: unknown, url: string): ProblemReply {
  const instance = url.split('?', 1)[0]!
  if (isHotwellError(error)) {
    return reply(error.code, error.message, instance, error.retryAfterMs, {}, error.retryable)
  }
  if (error instanceof RequestRefused) {
    return reply(error.code, error.message, instance, error.retryAfterMs, error.headers)
  }
  const code = codeOfFrameworkError(error)
  if (code) return reply(code, (error as Error).message, instance)
  const detail = 'Something failed that should not have; the log of the server says more.'
  return { ...reply('internal_error', detail, instance), unforeseen: true }
}

function reply(
  code: ProblemCode,
  detail: string,
  instance: string,
  retryAfterMs?: number,
  extraHeaders: Readonly<Record<string, string>> = {},
  retryable: boolean = factsOf(code).retryable,
): ProblemReply {
  const { status, title } = factsOf(code)
  const headers: Record<string, string> = { ...extraHeaders }
  if (retryAfterMs !== undefined && Number.isFinite(retryAfterMs)) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)))
  } else if (status === 503 && retryable) headers['retry-after'] = '1'
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="hotwell"'
  const type = `urn:hotwell:error:${code}`
  return { problem: { type, title, status, detail, instance, code, retryable }, headers, unforeseen: false }
}

function factsOf(code: ProblemCode): { status: number; retryable: boolean; title: string } {
  return code in errorCodes ? errorCodes[code as HotwellError['code']] : serverCodes[code as keyof typeof serverCodes]
}

/** Fastify's own refusals: a body that is too large or no JSON, a field of the wrong type. */
function codeOfFrameworkError(error: unknown): ProblemCode | undefined {
  const { statusCode } = error as { statusCode?: number }
  if (statusCode === 413) return 'payload_too_large'
  if (statusCode === 415) return 'unsupported_media_type'
  if (statusCode === 429) return 'too_many_requests'
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? 'invalid_request' : undefined
}
