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

/** How a reserved login ended. Only `credential_error` keeps the reservation spent. */
export type LoginOutcome = 'success' | 'credential_error' | 'captcha_error' | 'network_error' | 'timeout' | 'failed'

/** Port: the accounts of sites. The acquirer asks it which account to use and tells it how the login ended. */
export interface AccountSource {
  /** The best accounts of a site first, without those that are barred, cooling down or in `exclude`. */
  candidates(site: string, options: { preferred?: string; exclude?: readonly string[] }): Promise<readonly string[]>
  credentials(site: string, account: string): Promise<AccountCredentials | undefined>
  /** Takes one try off the lock-out budget, durably. Undefined: the budget is spent, no password may be sent. */
  reserve(site: string, credentials: AccountCredentials): Promise<LoginReservation | undefined>
  settle(site: string, reservation: LoginReservation, outcome: LoginOutcome): Promise<void>
}
