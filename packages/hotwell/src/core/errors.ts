/**
 * The closed table of what can go wrong. `status` is the HTTP status the server answers with, `retryable` the default
 * of {@link HotwellError.retryable}, `title` the short text of the problem document (RFC 9457 section 3.1.3).
 */
export const errorCodes = {
  invalid_ref: { status: 400, retryable: false, title: 'The token reference is not valid' },
  invalid_request: { status: 400, retryable: false, title: 'The request is not valid' },
  invalid_configuration: { status: 500, retryable: false, title: 'The configuration is not valid' },
  unauthenticated: { status: 401, retryable: false, title: 'An API key is required' },
  forbidden: { status: 403, retryable: false, title: 'This is not allowed' },
  not_found: { status: 404, retryable: false, title: 'There is nothing here' },
  unknown_provider: { status: 404, retryable: false, title: 'No provider has this name' },
  unknown_kind: { status: 404, retryable: false, title: 'The provider does not issue this kind of token' },
  unknown_subject: { status: 404, retryable: false, title: 'The provider does not know this subject' },
  conflict: { status: 409, retryable: false, title: 'This conflicts with the present state' },
  needs_reauth: { status: 409, retryable: false, title: 'A person has to sign in again' },
  uncertain: { status: 409, retryable: false, title: 'It is not known whether the last renewal took place' },
  credentials_rejected: { status: 502, retryable: false, title: 'The provider rejected the credentials' },
  provider_error: { status: 502, retryable: false, title: 'The provider failed' },
  still_rejected: { status: 502, retryable: true, title: 'The provider keeps returning a rejected token' },
  rate_limited: { status: 503, retryable: true, title: 'The provider limits the rate of requests' },
  account_unavailable: { status: 503, retryable: true, title: 'No account can be used now' },
  queue_timeout: { status: 503, retryable: true, title: 'The acquisition waited too long for its turn' },
  queue_full: { status: 503, retryable: true, title: 'Too much waits for its turn already' },
  store_unavailable: { status: 503, retryable: true, title: 'The store is not available' },
  store_unreadable: { status: 503, retryable: false, title: 'The store cannot be read' },
  position_lost: { status: 409, retryable: false, title: 'The position does not fit the source any more' },
  superseded: { status: 409, retryable: false, title: 'Somebody else runs this sync now' },
  deletes_refused: { status: 409, retryable: false, title: 'More would be deleted than is believed' },
  run_failed: { status: 500, retryable: false, title: 'The run of a sync failed' },
  source_failed: { status: 502, retryable: true, title: 'The source failed' },
  target_unavailable: { status: 503, retryable: true, title: 'The target is not available' },
  closed: { status: 503, retryable: false, title: 'Hotwell is closing' },
  timeout: { status: 504, retryable: true, title: 'The provider did not answer in time' },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>

/** Every code a {@link HotwellError} can carry. */
export type ErrorCode = keyof typeof errorCodes

/** What a {@link HotwellError} is made of besides its code and message. */
export interface ErrorOptions {
  /** The failure behind this one. */
  cause?: unknown
  /** Whether the same call may succeed later. Default: by code, see {@link errorCodes}. */
  retryable?: boolean
  /** When the next attempt makes sense, in milliseconds from now; becomes `Retry-After` over HTTP. */
  retryAfterMs?: number
  /** More facts for programs; never a secret or a token. */
  details?: Readonly<Record<string, unknown>>
}

/**
 * The one error class of Hotwell. Tell errors apart by `code`, with {@link isHotwellError}.
 * Neither message nor details ever hold a secret or a token.
 */
export class HotwellError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'HotwellError'
    this.code = code
    this.retryable = options.retryable ?? errorCodes[code].retryable
    this.retryAfterMs = options.retryAfterMs
    this.details = options.details ?? {}
  }
}

/** True for an error of Hotwell, of the given code if one is given. Works across copies of the library. */
export function isHotwellError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is HotwellError & { code: C } {
  return (
    error instanceof Error &&
    error.name === 'HotwellError' &&
    typeof (error as HotwellError).code === 'string' &&
    (code === undefined || (error as HotwellError).code === code)
  )
}
