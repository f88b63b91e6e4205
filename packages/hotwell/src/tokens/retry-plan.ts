import { backoffMs } from '../core/backoff.ts'
import { isHotwellError } from '../core/errors.ts'
import { failureOf, sentOf } from './failure.ts'

/** How often a provider is asked in one acquisition, at most. */
const attempts = 3
const firstRetryMs = 500
/** A longer pause is not slept through while holding a slot: the acquisition ends, and the next one comes after it. */
const longestRetryMs = 5000
/** Of a login, each counted for its own reason. */
const loginRetries = { network_error: 3, captcha_error: 3 } as const
/** Of a login whose password may have arrived: each repetition may be one more wrong password at the site. */
const sentRetries = 1
const networkRetryMs = 1000
const captchaRetryMs = 2000

/** Decides, within one acquisition, whether and when the provider is asked again. */
export interface RetryPlan {
  /** After how long, in ms; undefined: not again. */
  pauseAfter(error: unknown): number | undefined
}

/** For tokens that a request brings. One that spends a single-use grant is sent again only if it certainly was not spent. */
export function requestRetries({ spends }: { spends: boolean }): RetryPlan {
  let attempt = 0
  return {
    pauseAfter(error) {
      const { disposition, retryAfterMs = 0 } = failureOf(error)
      const again = (disposition === 'retryable' && !futile(error)) || (disposition === 'uncertain' && !spends)
      const pauseMs = Math.max(retryAfterMs, backoffMs(++attempt, { baseMs: firstRetryMs }))
      return again && attempt < attempts && pauseMs <= longestRetryMs ? pauseMs : undefined
    },
  }
}

/**
 * For logins: a lost connection is tried again three times, from 1 s doubling, a captcha three times, 2 s apart. A
 * connection that was lost after the password had left is tried again once. A login that timed out is not: the site may still be at it, and one account must not log in twice at once. Nor is one that
 * failed in a way that nobody understood: it may have been the refusal of the password.
 */
export function loginRetryPlan(): RetryPlan {
  const made = { network_error: 0, captcha_error: 0 }
  const others = requestRetries({ spends: true })
  return {
    pauseAfter(error) {
      const { disposition, status } = failureOf(error)
      if (disposition === 'terminal' || status === 'timeout') return undefined
      if (status === 'failed' && mayBeRefusal(error)) return undefined
      if (status !== 'network_error' && status !== 'captcha_error') return others.pauseAfter(error)
      const most = status === 'network_error' && sentOf(error) !== false ? sentRetries : loginRetries[status]
      if (made[status] >= most) return undefined
      made[status]++
      return status === 'captcha_error' ? captchaRetryMs : networkRetryMs * 2 ** (made.network_error - 1)
    },
  }
}

function mayBeRefusal(error: unknown): boolean {
  return !isHotwellError(error) || error.details.sent === true
}

/** Another attempt within the same claim would end alike. */
function futile(error: unknown): boolean {
  return isHotwellError(error, 'still_rejected') || isHotwellError(error, 'conflict')
}
