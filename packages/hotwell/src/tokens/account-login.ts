import type { Clock } from '../core/clock.ts'
import { HotwellError, isHotwellError } from '../core/errors.ts'
import type { AccountCredentials, AccountSource, LoginOutcome } from './account-source.ts'
import type { AcquisitionTarget } from './acquisition.ts'
import { failureOf, sentOf } from './failure.ts'

/** What a login needs of its surroundings. */
interface LoginContext {
  readonly clock: Clock
  readonly accounts: AccountSource | undefined
}

/** Tells the accounts how a reserved login ended. */
type Settle = (error: unknown) => Promise<void>

/**
 * The account of an acquisition: its credentials, and the lock-out budget that each sending of the password is taken
 * off before it is sent. An answer that is lost with the process leaves it spent.
 */
export class AccountLogin {
  readonly credentials: AccountCredentials
  readonly #accounts: AccountSource
  readonly #site: string
  readonly #clock: Clock

  constructor(accounts: AccountSource, site: string, credentials: AccountCredentials, clock: Clock) {
    this.#accounts = accounts
    this.#site = site
    this.credentials = credentials
    this.#clock = clock
  }

  /**
   * Reserves one sending of the password. What it returns is called once, when the provider's promise has settled: with
   * its error, or with undefined for a success. It never rejects: what cannot be settled stays spent.
   * @throws HotwellError `account_unavailable` when the account is barred or its budget spent
   */
  async reserve(): Promise<Settle> {
    const { account } = this.credentials
    const reserved = await this.#accounts.reserve(this.#site, this.credentials)
    if ('reason' in reserved) {
      const { reason, retryAt } = reserved
      throw new HotwellError('account_unavailable', reason, {
        retryable: retryAt !== undefined,
        retryAfterMs: retryAt === undefined ? undefined : Math.max(1000, retryAt - this.#clock.now()),
        details: { failure: { disposition: 'terminal', scope: 'account', status: 'failed' } },
      })
    }
    return error =>
      this.#accounts
        .settle(this.#site, account, reserved, error === undefined ? 'success' : outcomeOf(error))
        .catch(() => {})
  }
}

/**
 * The account that a ref of kind `account` is acquired with; undefined where the provider does without.
 * @throws HotwellError `unknown_subject` when the site has accounts, and this is none of them
 */
export async function accountLogin(
  { accounts, clock }: LoginContext,
  { ref, provider }: Pick<AcquisitionTarget, 'ref' | 'provider'>,
): Promise<AccountLogin | undefined> {
  if (ref.kind !== 'account' || ref.subject === undefined) return undefined
  const credentials = await accounts?.credentials(ref.provider, ref.subject)
  if (accounts && credentials) return new AccountLogin(accounts, ref.provider, credentials, clock)
  if (!provider.needsAccount && !(await accounts?.has(ref.provider))) return undefined
  throw new HotwellError(
    'unknown_subject',
    `The site "${ref.provider}" has no account "${ref.subject}" here. ` +
      `Add it: hotwell account add ${ref.provider} ${ref.subject}`,
  )
}

/**
 * What the lock-out budget is told. Only an answer that somebody understood tells that the site did not count the
 * password: whatever else came after it was sent may be a refusal in words that nobody knew.
 */
function outcomeOf(error: unknown): LoginOutcome {
  const { status, disposition } = failureOf(error)
  if (status !== 'failed' && status !== 'timeout' && status !== 'network_error') return status
  const sent = sentOf(error)
  if (sent === false) return status === 'timeout' ? 'network_error' : status
  if (!isHotwellError(error)) return 'unknown'
  if (sent && error.details.answered === true) return 'not_understood'
  return sent || status !== 'failed' || disposition === 'uncertain' ? 'unknown' : 'failed'
}
