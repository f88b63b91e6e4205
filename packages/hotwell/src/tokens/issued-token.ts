import { checkAcquiredToken } from './acquired-token.ts'
import { providerFailure } from './failure.ts'
import type { NewToken } from './token-store.ts'

/**
 * Checks what a provider returned and dates it. Life counts from the moment the request was sent: a slow reply does not
 * lengthen it, and a reply that a cache kept shortens it.
 * @throws HotwellError `provider_error` that says what is wrong with the reply, never quoting it
 */
export function issuedToken(acquired: unknown, ref: string, sentAt: number, replyAgeMs: number): NewToken {
  const from = `The provider of ${ref}`
  const { value, expiresInSeconds, tokenType = 'Bearer', scope, grant } = checkAcquiredToken(acquired, from)
  const lifeMs = expiresInSeconds * 1000 - replyAgeMs
  if (lifeMs <= 0) {
    const age = Math.round(replyAgeMs / 1000)
    throw providerFailure({
      message: `${from} returned a reply from a cache, ${age} s old: its token is dead already.`,
    })
  }
  return { value, tokenType, scope, grant, issuedAt: sentAt, expiresAt: sentAt + lifeMs, lifeMs }
}
