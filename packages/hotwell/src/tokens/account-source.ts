/** The account a site token is acquired with. */
export interface AccountCredentials {
  readonly account: string
  /** Names this version of the credential; outcomes of an older version do not count. Never a secret. */
  readonly credentialId: string
  readonly username: string
  readonly password: string
}

/** Permission to send a password once, durably counted before it leaves. */
export interface LoginReservation {
  readonly id: string
  readonly credentialId: string
}

/** Why no password may be sent now. */
export interface LoginRefusal {
  /** Whole sentences for people: which bar or budget, until when, what to do. Never a secret. */
  readonly reason: string
  /** Wall clock, ms; absent: until a person or a new credential changes it. */
  readonly retryAt?: number
}

/**
 * How a reserved login ended. `credential_error` keeps the reservation spent and bars the account. `not_understood`: an
 * answer came that may be a refusal; it stays spent. `unknown`: the password was sent and no answer came, so that the
 * site may have counted it; it stays spent, or, of a credential that is known to be right, counts among the four since
 * its last success. All others give it back, because the site did not judge the password.
 */
export type LoginOutcome =
  | 'success'
  | 'credential_error'
  | 'captcha_error'
  | 'network_error'
  | 'rate_limited'
  | 'failed'
  | 'not_understood'
  | 'unknown'

/** One account that a selector may choose. */
export interface AccountCandidate {
  readonly account: string
  readonly score: number
  /** Wall clock, ms: cooling down until then. A live token of it may be served; no login is begun. */
  readonly coolingUntil?: number
}

/** Port: the accounts of sites. The acquirer asks it which account to use and tells it how the login ended. */
export interface AccountSource {
  /** Whether the site has any account here. If not, its provider does without. */
  has(site: string): Promise<boolean>
  /** The accounts of a site that are not barred, the best first. An unknown site has none. */
  candidates(site: string, options?: { preferred?: string }): Promise<readonly AccountCandidate[]>
  /** Undefined: there is no such account. */
  credentials(site: string, account: string): Promise<AccountCredentials | undefined>
  /** Takes one try off the lock-out budget, durably, unless the account is barred, or the budget spent. */
  reserve(site: string, credentials: AccountCredentials): Promise<LoginReservation | LoginRefusal>
  settle(site: string, account: string, reservation: LoginReservation, outcome: LoginOutcome): Promise<void>
  /** Calls the listener when an account was added, changed, unbarred or removed; returns the function that ends it. */
  onChange?(listener: (site: string, account: string) => void): () => void
  /** An aborted login of this account does not end: it is left alone for a while. */
  coolDown(site: string, account: string): void
}
