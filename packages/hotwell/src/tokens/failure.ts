import { type ErrorCode, type ErrorOptions, HotwellError, isHotwellError } from '../core/errors.ts'

/** How an acquisition ended, as history and metrics count it. */
export const acquisitionStatuses = [
  'success',
  'failed',
  'timeout',
  'network_error',
  'captcha_error',
  'credential_error',
  'rate_limited',
] as const
export type AcquisitionStatus = (typeof acquisitionStatuses)[number]

/** How a failed acquisition is sorted. It decides what happens next; see {@link failureOf} for errors nobody sorted. */
export interface Failure {
  /**
   * `terminal`: the same request will fail again; remembered for 60 s. `retryable`: it may succeed later.
   * `uncertain`: it was sent and its outcome is not known; harmless unless a rotating refresh token was spent.
   */
  readonly disposition: 'terminal' | 'retryable' | 'uncertain'
  /** What it concerns: this ref, the account that was used, or everything the provider issues (opens its breaker). */
  readonly scope: 'ref' | 'account' | 'provider'
  readonly status: Exclude<AcquisitionStatus, 'success'>
  /** When the provider wants to be asked again, in milliseconds from now. Holds the provider's rate gate. */
  readonly retryAfterMs?: number
}

/** What a provider says of a failure. Whatever is left out is derived from the code. */
export interface ProviderFailureOptions extends Partial<Failure> {
  /** What happened, without any secret or token. */
  message: string
  /** Default `provider_error`. */
  code?: ErrorCode
  cause?: unknown
  details?: ErrorOptions['details']
}

/** Makes the error that a provider throws from `acquire`. */
export function providerFailure(options: ProviderFailureOptions): HotwellError {
  const { message, code = 'provider_error', cause, details } = options
  const failure: Failure = { ...defaults(code), ...definedOf(options) }
  return new HotwellError(code, message, {
    cause,
    retryable: failure.disposition !== 'terminal',
    retryAfterMs: failure.retryAfterMs,
    details: { ...details, failure },
  })
}

/**
 * How an error is sorted. Errors that a provider did not sort itself: an abort by a deadline is a time-out, a failed
 * `fetch` a network error, anything else a retryable failure of the ref.
 */
export function failureOf(error: unknown): Failure {
  if (isHotwellError(error)) return (error.details.failure as Failure | undefined) ?? defaults(error.code)
  const name = error instanceof Error ? error.name : ''
  if (name === 'TimeoutError' || name === 'AbortError')
    return { disposition: 'uncertain', scope: 'ref', status: 'timeout' }
  if (isNetworkError(error)) return { disposition: 'retryable', scope: 'ref', status: 'network_error' }
  return { disposition: 'retryable', scope: 'ref', status: 'failed' }
}

/** True for what `fetch` and sockets throw when the network failed. */
export function isNetworkError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = networkCode(error)
  return /^(E(CONN|NET|HOST|AI_|PIPE|TIMEDOUT|NOTFOUND)|UND_ERR_)/.test(code) || error.message === 'fetch failed'
}

/** True when the network failed before the request can have reached anybody. */
export function wasNeverSent(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return /^(ECONNREFUSED|ENOTFOUND|EAI_|E(HOST|NET)UNREACH|UND_ERR_CONNECT_TIMEOUT)/.test(networkCode(error))
}

function networkCode(error: Error): string {
  return String((error as NodeJS.ErrnoException).code ?? (error.cause as NodeJS.ErrnoException | undefined)?.code ?? '')
}

function defaults(code: ErrorCode): Failure {
  switch (code) {
    case 'rate_limited':
      return { disposition: 'retryable', scope: 'provider', status: 'rate_limited' }
    case 'timeout':
      return { disposition: 'uncertain', scope: 'ref', status: 'timeout' }
    case 'credentials_rejected':
      return { disposition: 'terminal', scope: 'provider', status: 'credential_error' }
    case 'needs_reauth':
      return { disposition: 'terminal', scope: 'ref', status: 'credential_error' }
    case 'uncertain':
      return { disposition: 'uncertain', scope: 'ref', status: 'failed' }
    case 'provider_error':
    case 'still_rejected':
    case 'queue_timeout':
    case 'queue_full':
    case 'store_unavailable':
    case 'account_unavailable':
      return { disposition: 'retryable', scope: 'ref', status: 'failed' }
    default:
      return { disposition: 'terminal', scope: 'ref', status: 'failed' }
  }
}

function definedOf({ disposition, scope, status, retryAfterMs }: ProviderFailureOptions): Partial<Failure> {
  const given = { disposition, scope, status, retryAfterMs }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

/** Whether what was asked can have reached the other side; undefined: nobody knows. */
export function sentOf(error: unknown): boolean | undefined {
  if (isHotwellError(error)) {
    if (typeof error.details.sent === 'boolean') return error.details.sent
    return wasNeverSent(error.cause) ? false : undefined
  }
  return wasNeverSent(error) ? false : undefined
}
