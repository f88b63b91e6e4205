import { type BackoffOptions, backoffMs } from './backoff.ts'
import { type Clock, sleep } from './clock.ts'
import { isHotwellError } from './errors.ts'

export interface RetryOptions {
  clock: Clock
  /** How often it is tried in all, at least once. @default 3 */
  attempts?: number
  /** The pauses in between. An error's own `retryAfterMs` makes a pause longer, never shorter. */
  backoff?: BackoffOptions
  /** Whether another attempt makes sense. @default what a HotwellError says of itself; true for any other error */
  retryable?: (error: unknown) => boolean
  /** Ends the pauses, and no attempt is begun any more. */
  signal?: AbortSignal
  /** Told before each pause. */
  onRetry?: (event: { error: unknown; attempt: number; delayMs: number }) => void
}

/**
 * Calls `operation` with the number of the attempt (from 1) until it succeeds.
 * @throws the error of the last attempt, or the signal's reason
 */
export async function retry<Value>(
  operation: (attempt: number) => Promise<Value> | Value,
  options: RetryOptions,
): Promise<Value> {
  const { clock, attempts = 3, backoff, retryable = worthAnotherTry, signal, onRetry } = options
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await operation(attempt)
    } catch (error) {
      signal?.throwIfAborted()
      if (attempt >= attempts || !retryable(error)) throw error
      const askedMs = isHotwellError(error) ? (error.retryAfterMs ?? 0) : 0
      const delayMs = Math.max(askedMs, backoffMs(attempt, backoff))
      onRetry?.({ error, attempt, delayMs })
      await sleep(clock, delayMs, signal)
    }
  }
}

function worthAnotherTry(error: unknown): boolean {
  return isHotwellError(error) ? error.retryable : true
}
