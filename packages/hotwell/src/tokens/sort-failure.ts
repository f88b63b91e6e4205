import { inspect } from 'node:util'
import { backoffMs } from '../core/backoff.ts'
import { HotwellError, isHotwellError } from '../core/errors.ts'
import { scrub } from '../core/scrub.ts'
import { type Failure, failureOf } from './failure.ts'
import type { Ref } from './ref.ts'

/** How long a terminal failure is remembered; never for ever. */
export const terminalMs = 60_000
const firstPauseMs = 1000
const longestPauseMs = 60_000

/**
 * What is thrown for whatever went wrong: a HotwellError whose message, details and causes hold none of the secrets.
 */
export function errorOfAcquisition(cause: unknown, ref: Ref, secrets: readonly (string | undefined)[]): HotwellError {
  if (isHotwellError(cause)) {
    const clean = harmless(cause, secrets)
    return clean ? cause : scrubbed(cause, secrets)
  }
  const failure = failureOf(cause)
  const code = failure.status === 'timeout' ? 'timeout' : 'provider_error'
  const said = cause instanceof Error ? cause.message : typeof cause === 'string' ? cause : inspect(cause, { depth: 1 })
  return new HotwellError(code, scrub(`Acquiring ${ref.canonical} failed: ${said}`, secrets), {
    cause: harmless(cause, secrets) ? cause : undefined,
    retryable: failure.disposition !== 'terminal',
    details: { failure },
  })
}

/** For how long nobody should ask again, in ms; an explicit refresh may. */
export function pauseAfter(failure: Failure, failuresBefore: number, error: HotwellError, asked: boolean): number {
  const wished = failure.retryAfterMs ?? error.retryAfterMs
  // Somebody else has met it, and its pause began then.
  if (wished !== undefined && (error.details.remembered || (!asked && failure.disposition === 'terminal')))
    return wished
  if (failure.disposition === 'terminal') return Math.max(terminalMs, wished ?? 0)
  return Math.max(wished ?? 0, backoffMs(failuresBefore + 1, { baseMs: firstPauseMs, maxMs: longestPauseMs }))
}

function harmless(error: unknown, secrets: readonly (string | undefined)[]): boolean {
  const shown = inspect(error, { depth: 10, maxStringLength: null, maxArrayLength: null })
  // Quotes and backslashes look different in what inspect() shows.
  const escaped = secrets.map(secret => secret && JSON.stringify(secret).slice(1, -1))
  return scrub(shown, [...secrets, ...escaped]) === shown
}

function scrubbed(error: HotwellError, secrets: readonly (string | undefined)[]): HotwellError {
  const { code, retryable, retryAfterMs } = error
  const { failure, breaker, remembered } = error.details
  const message = scrub(error.message, secrets)
  return new HotwellError(code, message, { retryable, retryAfterMs, details: { failure, breaker, remembered } })
}

/** The same error, which also says when to ask again. */
export function withPause(error: HotwellError, pausedMs: number): HotwellError {
  const { code, message, cause, retryable, details } = error
  const paused = new HotwellError(code, message, { cause, retryable, retryAfterMs: pausedMs, details })
  paused.stack = error.stack
  return paused
}
