import type { TokenInspection } from 'hotwell'
import { instant } from './instant.ts'
import type { TokenFacts } from './token-schemas.ts'

/** What is known of a token as it goes over HTTP: instants in RFC 3339, and null where nothing is to say. */
export function factsOf(token: TokenInspection): TokenFacts {
  const { ref, state, acquiring, expiresAt, softExpiresAt, generation, renewals, failure } = token
  return {
    ref,
    state,
    acquiring,
    expiresAt: instant(expiresAt),
    expiresInSeconds: instant(expiresAt) === null ? null : token.expirySeconds(),
    softExpiresAt: instant(softExpiresAt),
    generation: generation ?? null,
    renewals,
    failure: failure ? { code: failure.code, message: failure.message, retryAt: instant(failure.retryAt) } : null,
  }
}
