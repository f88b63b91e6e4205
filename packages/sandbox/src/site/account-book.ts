import { randomBytes } from 'node:crypto'

export interface LoginAccountOptions {
  username: string
  password: string
  /** Share of right captcha answers, 0 to 1, that are called wrong for this account. @default the site's */
  captchaFailureRate?: number
}

/** What the site itself knows of one account. Counted here, so a test need not believe whoever logs in. */
export interface LoginAccountCounters {
  /** Logins that arrived, whatever became of them. */
  attempts: number
  /** Logins that succeeded. */
  logins: number
  /** Wrong passwords in all. */
  badPasswords: number
  /** Wrong passwords since the last success or unlocking. */
  badInRow: number
  /** The most there ever were in a row. */
  mostBadInRow: number
  /** Captchas that were wrong, or called so; their passwords were not looked at. */
  badCaptchas: number
  lockedOut: boolean
  /** Logins under way: from the arrival of the form until it is answered or its sender has left. */
  running: number
  /** The most that were ever under way together. */
  mostAtOnce: number
  /** Live sessions: 0 or 1. */
  sessions: number
}

export type LoginVerdict = 'bad_password' | 'locked' | { session: string }

interface Session {
  token: string
  endsAt: number
}

class LoginAccount {
  readonly username: string
  readonly captchaFailureRate: number | undefined
  password: string
  session: Session | undefined
  readonly counters: Omit<LoginAccountCounters, 'sessions'> = {
    attempts: 0,
    logins: 0,
    badPasswords: 0,
    badInRow: 0,
    mostBadInRow: 0,
    badCaptchas: 0,
    lockedOut: false,
    running: 0,
    mostAtOnce: 0,
  }

  constructor({ username, password, captchaFailureRate }: LoginAccountOptions) {
    this.username = username
    this.password = password
    this.captchaFailureRate = captchaFailureRate
  }
}

export interface AccountBookOptions {
  /** At least one. */
  accounts: readonly LoginAccountOptions[]
  /** Life of sessions begun from now on, in seconds. @default 3600 */
  sessionLifeSeconds?: number
  /** Wrong passwords in a row that lock an account, until it is unlocked. @default 5 */
  lockoutAfter?: number
  /** The site's clock, in milliseconds since 1970. @default Date.now */
  now?: () => number
}

/** The accounts of one site with their sessions and lock-outs. */
export class AccountBook {
  sessionLifeSeconds: number
  readonly #lockoutAfter: number
  readonly #now: () => number
  readonly #accounts = new Map<string, LoginAccount>()

  constructor({ accounts, sessionLifeSeconds = 3600, lockoutAfter = 5, now = Date.now }: AccountBookOptions) {
    if (accounts.length === 0) throw new RangeError('A login site needs at least one account')
    this.sessionLifeSeconds = sessionLifeSeconds
    this.#lockoutAfter = lockoutAfter
    this.#now = now
    for (const account of accounts) this.#accounts.set(account.username, new LoginAccount(account))
  }

  /** @throws RangeError for a stranger */
  get(username: string): LoginAccount {
    const account = this.#accounts.get(username)
    if (!account) throw new RangeError(`No account ${username} at this site`)
    return account
  }

  find(username: unknown): LoginAccount | undefined {
    return typeof username === 'string' ? this.#accounts.get(username) : undefined
  }

  counters(username: string): LoginAccountCounters {
    const account = this.get(username)
    return { ...account.counters, sessions: this.#isLive(account.session) ? 1 : 0 }
  }

  all(): Record<string, LoginAccountCounters> {
    return Object.fromEntries([...this.#accounts.keys()].map(username => [username, this.counters(username)]))
  }

  /** Judges a password. A success begins a session and ends the one before it. */
  logIn(account: LoginAccount, password: unknown): LoginVerdict {
    const { counters } = account
    if (counters.lockedOut) return 'locked'
    if (password !== account.password) {
      counters.badPasswords++
      counters.badInRow++
      counters.mostBadInRow = Math.max(counters.mostBadInRow, counters.badInRow)
      counters.lockedOut = counters.badInRow >= this.#lockoutAfter
      return 'bad_password'
    }
    counters.logins++
    counters.badInRow = 0
    const token = randomBytes(24).toString('hex')
    account.session = { token, endsAt: this.#now() + this.sessionLifeSeconds * 1000 }
    return { session: token }
  }

  /** Whose live session this is. */
  ownerOf(token: string | undefined): string | undefined {
    for (const { username, session } of this.#accounts.values()) {
      if (token !== undefined && session?.token === token && this.#isLive(session)) return username
    }
    return undefined
  }

  unlock(username: string): void {
    Object.assign(this.get(username).counters, { badInRow: 0, lockedOut: false })
  }

  /** Back to the start, save what is true of the accounts: lock-outs, the row of bad passwords, logins under way. */
  resetCounters(): void {
    for (const { counters } of this.#accounts.values()) {
      const { badInRow, running } = counters
      const start = { attempts: 0, logins: 0, badPasswords: 0, badCaptchas: 0 }
      Object.assign(counters, start, { mostBadInRow: badInRow, mostAtOnce: running })
    }
  }

  #isLive(session: Session | undefined): session is Session {
    return session !== undefined && session.endsAt > this.#now()
  }
}
