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
  /** When the latest try was reserved (wall clock, ms). */
  readonly latestAt?: number
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

/**
 * How long a credential that was right rests after so many tries without an answer, in ms. The site may have counted
 * each as a wrong password, so these are few, too; spread like this they last through a site that is mute for hours.
 */
const restsMs = [0, 0, 300_000, 7_200_000]

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
 * site's counter does not forget. A try that was given back in good faith counts among those, not in the window.
 */
export function budgetAt(spent: SpentTries, { tries, windowMs }: LockoutBudget, now: number): BudgetState {
  const { reservedAts, doubts, latestAt = 0 } = spent
  if (reservedAts.length === 0 && doubts === 0) return whole
  const inWindow = reservedAts.filter(at => at + windowMs > now).sort((a, b) => a - b)
  if (reservedAts.length + doubts >= mostWithoutSuccess) return { spent: Math.max(tries, inWindow.length), open: false }
  const atWindow = inWindow.length < tries ? now : inWindow[inWindow.length - tries]! + windowMs
  const restMs = restsMs[doubts]!
  const nextAt = Math.max(atWindow, restMs === 0 ? now : latestAt + restMs)
  return nextAt <= now ? { spent: inWindow.length, open: true } : { spent: inWindow.length, open: false, nextAt }
}

/**
 * What an outcome does to the tries. `clear`: all are forgiven. `keep`: it stays spent. `doubt`: it is given back to
 * the window, and counts in all. `giveBack`: the site did not judge the password.
 *
 * An answer that nobody understood is kept even of a password that was right: it may be the refusal of one that was
 * changed at the site. No answer at all is not, or a site that is mute for a minute would cost its accounts a day.
 */
export function effectOf(outcome: LoginOutcome, knownRight: boolean): 'clear' | 'keep' | 'doubt' | 'giveBack' {
  if (outcome === 'success') return 'clear'
  if (outcome === 'credential_error' || outcome === 'not_understood') return 'keep'
  if (outcome === 'unknown') return knownRight ? 'doubt' : 'keep'
  return 'giveBack'
}
