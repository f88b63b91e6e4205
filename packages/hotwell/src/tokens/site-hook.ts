import { isHotwellError } from '../core/errors.ts'
import type { AccountCredentials } from './account-source.ts'
import { failureOf, providerFailure } from './failure.ts'
import type { AcquiredToken } from './provider.ts'
import type { LoginAttempt } from './site-form.ts'
import { refusalFailure, type SiteRefusal } from './site-outcomes.ts'
import { showsSecret } from './token-endpoint.ts'

export interface BrowserLoginRequest {
  /** Read the password where it is filled in: what fails before that is known not to have sent it. */
  readonly credentials: AccountCredentials
  /** Aborts when the login has taken too long, and when the manager closes. */
  readonly signal: AbortSignal
  readonly baseUrl: string
  /** Makes the error to throw when the site refuses: `throw refusal('badPassword')`. */
  readonly refusal: (refusal: SiteRefusal) => Error
  /** Counts a captcha that was answered. */
  readonly captchaAnswered: () => void
}

export type BrowserLogin = (request: BrowserLoginRequest) => Promise<AcquiredToken>

/** One login by a function of the user's. It is waited for also when it was told to stop. */
export async function hookLogin(login: BrowserLogin, attempt: LoginAttempt & { baseUrl: URL }): Promise<AcquiredToken> {
  const { credentials, signal, baseUrl, progress } = attempt
  try {
    return await login({
      credentials: watched(credentials, progress),
      signal,
      baseUrl: baseUrl.href,
      refusal: refusal => refusalFailure(refusal, baseUrl.origin),
      captchaAnswered: () => void progress.captchaAttempts++,
    })
  } catch (error) {
    const hides = !showsSecret(error, [credentials.password])
    if (isHotwellError(error) && hides) throw error
    if (signal.aborted) throw signal.reason
    const { sent } = progress
    const { status } = failureOf(error)
    throw providerFailure({
      message: `The login of ${baseUrl.origin} failed on the way. Its cause says more, unless that shows the password.`,
      status,
      disposition: sent ? 'uncertain' : 'retryable',
      cause: hides ? error : undefined,
      // It saw a page that it did not expect, which is what a refusal looks like to a program that does not know it.
      details: { sent, answered: sent && status !== 'network_error' },
    })
  }
}

/** The same credentials, which notice when the password is looked at. */
function watched({ password, ...open }: AccountCredentials, progress: LoginAttempt['progress']): AccountCredentials {
  return {
    ...open,
    get password() {
      progress.sent = true
      return password
    },
  }
}
