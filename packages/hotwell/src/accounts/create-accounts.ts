import { type Clock, createSystemClock } from '../core/clock.ts'
import { isHotwellError } from '../core/errors.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import type {
  AccountCandidate,
  AccountCredentials,
  LoginOutcome,
  LoginRefusal,
  LoginReservation,
} from '../tokens/account-source.ts'
import { barByHand, changeCredential, deleteAccount, insertAccount, liftBars } from './account-book.ts'
import { type AccountCacheOptions, AccountCaches } from './account-caches.ts'
import { AccountDatabase, type AccountDatabaseOptions } from './account-database.ts'
import type { AccountFacts, BarFacts } from './account-facts.ts'
import { AccountReader } from './account-reader.ts'
import type { AccountRecord, BarRow } from './account-row.ts'
import type { Accounts } from './accounts.ts'
import { barFactsOf } from './blacklist.ts'
import { checkBar, checkName, checkPassword, notFound } from './check-input.ts'
import { CoolDowns } from './cool-downs.ts'
import { factsOf } from './judge.ts'
import { type LockoutBudgetOptions, lockoutBudget } from './lockout-budget.ts'
import { refusalOf, reserveTry, settleTry } from './login-journal.ts'
import { Rankings } from './ranking.ts'
import { deleteLeftovers, findAccount, readBars, readRecord } from './repository.ts'
import { openPassword, resealPasswords } from './sealed-password.ts'
import type { SiteRecords } from './site-records.ts'

export interface AccountsOptions extends AccountDatabaseOptions {
  /** How many passwords that are not known to be right may be sent. */
  lockoutBudget?: LockoutBudgetOptions
  cache?: AccountCacheOptions
  /** @default the machine's clocks */
  clock?: Clock
  /** @default none */
  logger?: Logger
}

/**
 * The accounts of sites behind a login, in an SQLite file of their own, for all processes of this machine: hand them to
 * `createTokenManager({ accounts })`. Passwords lie there sealed. Never blocks the thread for a lock.
 *
 * @throws HotwellError `invalid_configuration`
 */
export function createAccounts(options: AccountsOptions): Accounts {
  return new AccountPool(options)
}

const coolingOutcomes: readonly LoginOutcome[] = [
  'captcha_error',
  'network_error',
  'failed',
  'not_understood',
  'unknown',
]

class AccountPool implements Accounts {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #budget
  readonly #database: AccountDatabase
  readonly #caches: AccountCaches
  readonly #coolDowns: CoolDowns
  readonly #rankings = new Rankings()
  readonly #reader: AccountReader
  readonly #listeners = new Set<(site: string, account: string) => void>()
  /** By account: why its password cannot be opened. */
  readonly #unreadable = new Map<string, string>()

  constructor(options: AccountsOptions) {
    const { clock = createSystemClock(), logger = silentLogger, cache = {} } = options
    this.#clock = clock
    this.#logger = logger
    this.#budget = lockoutBudget(options.lockoutBudget)
    this.#database = new AccountDatabase(options, logger)
    this.#reader = new AccountReader(this.#database)
    this.#caches = new AccountCaches(clock, cache, () => this.#database.changedByOthers())
    this.#coolDowns = new CoolDowns(clock)
  }

  async open(): Promise<void> {
    await this.#database.sealer()
  }

  async add(
    site: string,
    account: string,
    { username = account, password }: { username?: string; password: string },
  ): Promise<AccountFacts> {
    checkName('site', site)
    checkName('account', account)
    checkName('username', username)
    checkPassword(password)
    const fresh = { site, account, username, password, now: this.#clock.now() }
    await this.#database.sealing((transaction, sealer) => insertAccount(transaction, sealer, fresh))
    this.#changed(site, account)
    return this.get(site, account)
  }

  async update(
    site: string,
    account: string,
    { username, password }: { username?: string; password?: string },
  ): Promise<AccountFacts> {
    if (username !== undefined) checkName('username', username)
    if (password !== undefined) checkPassword(password)
    const change = { site, account, username, password, now: this.#clock.now() }
    const isNew = await this.#database.sealing((transaction, sealer) => changeCredential(transaction, sealer, change))
    if (isNew) this.#changed(site, account)
    return this.get(site, account)
  }

  async remove(site: string, account: string): Promise<void> {
    await this.#database.transaction(transaction => deleteAccount(transaction, { site, account }), { durable: true })
    this.#changed(site, account)
  }

  async get(site: string, account: string): Promise<AccountFacts> {
    const record = await this.#database.query(kysely => readRecord(kysely, site, account))
    if (!record) throw notFound(site, account)
    const bars = await this.#database.query(kysely => readBars(kysely, { site, account }))
    return this.#factsOf(record, bars, this.#coolDowns.untilOf(site))
  }

  async list({ site }: { site?: string } = {}): Promise<AccountFacts[]> {
    const records = await this.#reader.records(site)
    const barsOf = Map.groupBy(await this.#reader.bars(site), bar => keyOf(bar.site, bar.account))
    const bySite = Map.groupBy(records, ({ row }) => row.site)
    return [...bySite].flatMap(([site, records]) => {
      const cooling = this.#coolDowns.untilOf(site)
      return records.map(record => this.#factsOf(record, barsOf.get(keyOf(site, record.row.account)), cooling))
    })
  }

  async bar(site: string, account: string, options: { reason?: string; until?: number } = {}): Promise<AccountFacts> {
    const now = this.#clock.now()
    checkBar(options, now)
    const bar = { site, account, reason: options.reason ?? 'Barred by hand.', until: options.until, now }
    await this.#database.transaction(transaction => barByHand(transaction, bar), { durable: true })
    this.#caches.drop(site, account)
    return this.get(site, account)
  }

  async unbar(site: string, account: string): Promise<AccountFacts> {
    const now = this.#clock.now()
    await this.#database.transaction(transaction => liftBars(transaction, { site, account, now }), { durable: true })
    this.#changed(site, account)
    return this.get(site, account)
  }

  async blacklist({ site }: { site?: string } = {}): Promise<BarFacts[]> {
    const bars = await this.#reader.bars(site)
    const now = this.#clock.now()
    return bars.filter(({ until }) => until === null || until > now).map(barFactsOf)
  }

  cacheStats() {
    return this.#caches.figures()
  }

  clearCaches(site?: string) {
    return this.#caches.clear(site)
  }

  async cleanup() {
    const cleaned = await this.#database.transaction(transaction => deleteLeftovers(transaction, this.#clock.now()))
    this.#caches.clear()
    return cleaned
  }

  async reseal(): Promise<number> {
    return this.#database.sealing(resealPasswords)
  }

  problems(): readonly string[] {
    return [...this.#database.problems(), ...this.#unreadable.values()]
  }

  async close(): Promise<void> {
    this.#caches.clear()
    await this.#database.close()
  }

  async has(site: string): Promise<boolean> {
    return (await this.#records(site)).size > 0
  }

  async candidates(site: string, { preferred }: { preferred?: string } = {}): Promise<readonly AccountCandidate[]> {
    const bars = await this.#caches.bars(site, () => this.#reader.bars(site))
    const records = await this.#records(site)
    const now = this.#clock.now()
    return this.#rankings.candidates(
      { site, records, bars, coolDowns: this.#coolDowns, budget: this.#budget, now },
      preferred,
    )
  }

  credentials(site: string, account: string): Promise<AccountCredentials | undefined> {
    return this.#caches.credentials(site, account, async () => {
      const row = await this.#database.query(kysely => findAccount(kysely, site, account))
      const key = keyOf(site, account)
      this.#unreadable.delete(key)
      if (!row) return undefined
      const sealer = await this.#database.sealer()
      try {
        const password = openPassword(sealer, row)
        return Object.freeze({ account, credentialId: row.credential_id, username: row.username, password })
      } catch (error) {
        if (isHotwellError(error)) this.#unreadable.set(key, error.message)
        throw error
      }
    })
  }

  async reserve(site: string, credentials: AccountCredentials): Promise<LoginReservation | LoginRefusal> {
    const { account, credentialId } = credentials
    const request = { site, account, credentialId, budget: this.#budget, now: this.#clock.now() }
    // First without the write lock, which whoever keeps asking would keep from others.
    const reserved =
      (await this.#database.query(kysely => refusalOf(kysely, request))) ??
      (await this.#database.transaction(transaction => reserveTry(transaction, request), { durable: true }))
    if ('id' in reserved) {
      this.#caches.drop(site, account, ['statistics'])
      return reserved
    }
    if (reserved.isStale) this.#caches.drop(site, account)
    return reserved.refusal
  }

  async settle(site: string, account: string, reservation: LoginReservation, outcome: LoginOutcome): Promise<void> {
    const request = { site, account, reservation, outcome, now: this.#clock.now() }
    const counted = await this.#database.transaction(transaction => settleTry(transaction, request), {
      durable: outcome === 'credential_error',
    })
    if (!counted) return
    this.#caches.drop(site, account, ['blacklist', 'statistics'])
    if (outcome === 'success') this.#coolDowns.end(site, account)
    else if (coolingOutcomes.includes(outcome)) this.coolDown(site, account)
    if (outcome === 'credential_error')
      this.#logger.warn({ site, account }, 'The site refused the password of an account, which is barred')
  }

  coolDown(site: string, account: string): void {
    this.#coolDowns.begin(site, account)
  }

  onChange(listener: (site: string, account: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #records(site: string): Promise<SiteRecords> {
    return this.#caches.records(site, {
      all: () => this.#reader.records(site),
      some: accounts => this.#reader.recordsOf(site, accounts),
    })
  }

  #factsOf(record: AccountRecord, bars: readonly BarRow[] = [], cooling: ReadonlyMap<string, number>): AccountFacts {
    const coolingUntil = cooling.get(record.row.account)
    return factsOf(record, { bars, coolingUntil, budget: this.#budget, now: this.#clock.now() })
  }

  /** What was known of the account is over; a listener that throws does not undo the change. */
  #changed(site: string, account: string): void {
    this.#caches.drop(site, account)
    this.#coolDowns.end(site, account)
    this.#unreadable.delete(keyOf(site, account))
    for (const listener of this.#listeners) {
      try {
        listener(site, account)
      } catch (error) {
        this.#logger.error({ site, account, error }, 'A listener to changes of accounts failed')
      }
    }
  }
}

function keyOf(site: string, account: string): string {
  return `${site}\0${account}`
}
