import { HotwellError } from '../core/errors.ts'
import type { LoginOutcome } from '../tokens/account-source.ts'

export interface LockoutBudgetOptions {
  /** So many passwords may be sent within the window, and not be known to be right. 1 to 4. @default 2 */
  tries?: number
  /** The length of the window, in seconds. @default 86_400 */
  windowSeconds?: number
}

export interface LockoutBudget {
  readonly tries: number
  readonly windowMs: number
}

/** What one version of a credential has spent since it last succeeded. */
export interface SpentTries {
  /** When each try was reserved that was not given back (wall clock, ms), in any order. */
  readonly reservedAts: readonly number[]
  /** Tries that were given back without an answer, because the credential was known to be right. */
  readonly doubts: number
  /** Whether its last definite outcome was a success. */
  readonly knownRight: boolean
}

export interface BudgetState {
  /** At least the number of tries when none is left. */
  readonly spent: number
  /** Whether a password may be sent now. */
  readonly open: boolean
  /** Wall clock, ms: when one may be sent again; absent when it is open, or stays shut until a person acts. */
  readonly nextAt?: number
}

/** Sites commonly lock at the fifth wrong password in a row, however far apart they are. */
export const mostWithoutSuccess = 4

const whole: BudgetState = Object.freeze({ spent: 0, open: true })

/** @throws HotwellError `invalid_configuration` */
export function lockoutBudget({ tries = 2, windowSeconds = 86_400 }: LockoutBudgetOptions = {}): LockoutBudget {
  if (!Number.isInteger(tries) || tries < 1 || tries > mostWithoutSuccess)
    throw new HotwellError(
      'invalid_configuration',
      `lockoutBudget.tries has to be a whole number from 1 to ${mostWithoutSuccess}, not ${tries}.`,
    )
  if (!(windowSeconds > 0 && Number.isFinite(windowSeconds)))
    throw new HotwellError(
      'invalid_configuration',
      `lockoutBudget.windowSeconds has to be a number above 0, not ${windowSeconds}.`,
    )
  return { tries, windowMs: windowSeconds * 1000 }
}

/**
 * Whether a password may leave. Besides the tries of the window, all of them since the last success are bounded: the
 * site's counter does not forget. A try that was given back in good faith counts again once the faith is gone.
 */
export function budgetAt(spent: SpentTries, { tries, windowMs }: LockoutBudget, now: number): BudgetState {
  if (spent.reservedAts.length === 0 && spent.doubts === 0) return whole
  const inWindow = spent.reservedAts.filter(at => at + windowMs > now).sort((a, b) => a - b)
  const inAll = spent.reservedAts.length + (spent.knownRight ? 0 : spent.doubts)
  if (inAll >= mostWithoutSuccess) return { spent: Math.max(tries, inWindow.length), open: false }
  if (inWindow.length < tries) return { spent: inWindow.length, open: true }
  return { spent: inWindow.length, open: false, nextAt: inWindow[inWindow.length - tries]! + windowMs }
}

/**
 * What an outcome does to the tries. `clear`: all are forgiven. `keep`: it stays spent. `doubt`: it is given back, but
 * counts if the password turns out to be wrong. `giveBack`: the site did not judge the password.
 *
 * An answer that nobody understood is kept even of a password that was right: it may be the refusal of one that was
 * changed at the site. No answer at all is not, or an hour without network would need a person for every account.
 */
export function effectOf(outcome: LoginOutcome, knownRight: boolean): 'clear' | 'keep' | 'doubt' | 'giveBack' {
  if (outcome === 'success') return 'clear'
  if (outcome === 'credential_error' || outcome === 'not_understood') return 'keep'
  if (outcome === 'unknown') return knownRight ? 'doubt' : 'keep'
  return 'giveBack'
}
