import { errorCodes, HotwellError, type TokenHandle, type TokenManager } from 'hotwell'

/** The gate, the retries and the longest hold end every acquisition long before. */
const longestSeconds = 3600

/** Whether a token is there now. */
export function isWarm({ state }: TokenHandle): boolean {
  return state === 'fresh' || state === 'stale'
}

/**
 * Acquires a token that is not there, behind the callers that wait for others. A failure that is remembered is told
 * again, without asking anybody.
 * @throws HotwellError with the code of what failed; `details.remembered` where nobody was asked
 */
export async function acquireBehind(tokens: TokenManager, ref: string, signal: AbortSignal): Promise<void> {
  const handle = tokens.token(ref as never)
  if (isWarm(handle)) return
  const former = handle.inspect().failure
  const pauseMs = (former?.retryAt ?? 0) - Date.now()
  if (former && pauseMs > 0) throw failureOf(former, pauseMs, true)
  await tokens.warmUp([ref], { timeoutSeconds: longestSeconds, signal })
  // Of a ref that has failed before, a report tells that at once; the new outcome is told to whoever waits for it.
  if (former && handle.inspect().acquiring) await handle.get({ signal }).catch(() => signal.throwIfAborted())
  if (isWarm(handle)) return
  const { failure } = handle.inspect()
  if (failure) throw failureOf(failure, (failure.retryAt ?? 0) - Date.now(), false)
  throw new HotwellError('not_found', goneAgain(ref))
}

/** Of a token that was there and is not any more. */
export function goneAgain(ref: string): string {
  return `${ref} was there, and has ended or was dropped since.`
}

function failureOf({ code, message }: { code: string; message: string }, pauseMs: number, remembered: boolean) {
  const known = code in errorCodes ? (code as keyof typeof errorCodes) : 'provider_error'
  return new HotwellError(known, message, { retryAfterMs: Math.max(0, pauseMs), details: { remembered } })
}
