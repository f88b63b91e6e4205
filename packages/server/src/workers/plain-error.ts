import { type ErrorCode, HotwellError, isHotwellError } from 'hotwell/core'
import type { PlainError } from './messages.ts'

/** An error as it crosses between threads. `code` is that of errors which are none of Hotwell's. */
export function plainError(error: unknown, code: ErrorCode = 'run_failed'): PlainError {
  if (isHotwellError(error)) {
    const { code, message, retryable, retryAfterMs } = error
    return { code, message, retryable, retryAfterMs }
  }
  return { code, message: error instanceof Error ? error.message : String(error), retryable: false }
}

/** The error again, on the other side. */
export function hotwellError({ code, message, retryable, retryAfterMs }: PlainError): HotwellError {
  return new HotwellError(code, message, { retryable, retryAfterMs })
}
