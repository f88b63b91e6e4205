import { Cache } from '../core/cache.ts'
import type { Clock } from '../core/clock.ts'
import { HotwellError } from '../core/errors.ts'
import type { AccountCredentials } from '../tokens/account-source.ts'
import type { ByCache, CacheFigures } from './account-facts.ts'
import type { AccountRecord, BarRow } from './account-row.ts'

/** How long what was read is used again, in seconds; 0 reads each time. Dropped when it changes. */
export interface AccountCacheOptions {
  /** @default 3600 */
  credentialsSeconds?: number
  /** @default 300 */
  blacklistSeconds?: number
  /** @default 300 */
  statisticsSeconds?: number
}

type CacheName = keyof ByCache<unknown>

/** How long another process's change may go unnoticed. */
const othersCheckMs = 1000
const mostAccounts = 10_000
const mostSites = 1000

/**
 * What was read of the accounts: credentials by account, bars and statistics by site. They serve the choice of an
 * account. Whether a password may leave is never read from here.
 */
export class AccountCaches {
  readonly #clock: Clock
  readonly #changedByOthers: () => Promise<boolean>
  readonly #credentials: KeyedCache<AccountCredentials>
  readonly #blacklist: KeyedCache<readonly BarRow[]>
  readonly #statistics: KeyedCache<readonly AccountRecord[]>
  #checkedAt = -Infinity
  #checking: Promise<void> | undefined

  constructor(clock: Clock, options: AccountCacheOptions, changedByOthers: () => Promise<boolean>) {
    const { credentialsSeconds = 3600, blacklistSeconds = 300, statisticsSeconds = 300 } = options
    this.#clock = clock
    this.#changedByOthers = changedByOthers
    this.#credentials = new KeyedCache(clock, 'credentialsSeconds', credentialsSeconds, mostAccounts)
    this.#blacklist = new KeyedCache(clock, 'blacklistSeconds', blacklistSeconds, mostSites)
    this.#statistics = new KeyedCache(clock, 'statisticsSeconds', statisticsSeconds, mostSites)
  }

  async credentials(
    site: string,
    account: string,
    read: () => Promise<AccountCredentials | undefined>,
  ): Promise<AccountCredentials | undefined> {
    await this.#noticeOthers()
    return this.#credentials.get(`${site}\0${account}`, read)
  }

  async bars(site: string, read: () => Promise<readonly BarRow[]>): Promise<readonly BarRow[]> {
    await this.#noticeOthers()
    return (await this.#blacklist.get(site, read))!
  }

  async records(site: string, read: () => Promise<readonly AccountRecord[]>): Promise<readonly AccountRecord[]> {
    await this.#noticeOthers()
    return (await this.#statistics.get(site, read))!
  }

  /** After a change of this account. */
  drop(site: string, account: string, caches: readonly CacheName[] = ['credentials', 'blacklist', 'statistics']): void {
    if (caches.includes('credentials')) this.#credentials.drop(key => key === `${site}\0${account}`)
    if (caches.includes('blacklist')) this.#blacklist.drop(key => key === site)
    if (caches.includes('statistics')) this.#statistics.drop(key => key === site)
  }

  /** Of one site, or of all; returns how many entries that were. */
  clear(site?: string): ByCache<number> {
    const meant = (key: string) => site === undefined || key.split('\0')[0] === site
    return {
      credentials: this.#credentials.drop(meant),
      blacklist: this.#blacklist.drop(meant),
      statistics: this.#statistics.drop(meant),
    }
  }

  figures(): ByCache<CacheFigures> {
    return {
      credentials: this.#credentials.figures(),
      blacklist: this.#blacklist.figures(),
      statistics: this.#statistics.figures(),
    }
  }

  /** Before each reading: whoever comes during a check waits for it, so that nothing is read unnoticed. */
  async #noticeOthers(): Promise<void> {
    const now = this.#clock.monotonic()
    if (now >= this.#checkedAt + othersCheckMs) {
      this.#checkedAt = now
      this.#checking = this.#check()
    }
    await this.#checking
  }

  async #check(): Promise<void> {
    // While the file cannot be read, what was read goes on being used.
    if (await this.#changedByOthers().catch(() => false)) this.clear()
    this.#checking = undefined
  }
}

class KeyedCache<Value extends {}> {
  readonly #cache: Cache<string, Value>
  readonly #ttlSeconds: number
  /** What is in the cache, or was until it got too old. */
  readonly #keys = new Set<string>()
  /** Grows with each drop: what was read before that is not kept. */
  #drops = 0

  constructor(clock: Clock, option: string, ttlSeconds: number, maxEntries: number) {
    if (!(ttlSeconds >= 0 && Number.isFinite(ttlSeconds)))
      throw new HotwellError(
        'invalid_configuration',
        `accounts.cache.${option} has to be a number of seconds, not ${ttlSeconds}.`,
      )
    this.#ttlSeconds = ttlSeconds
    this.#cache = new Cache({ clock, maxEntries, ttlMs: ttlSeconds * 1000 })
  }

  async get(key: string, read: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached
    const drops = this.#drops
    const value = await read()
    if (value === undefined || this.#ttlSeconds === 0 || drops !== this.#drops) return value
    this.#cache.set(key, value)
    this.#keys.add(key)
    return value
  }

  drop(meant: (key: string) => boolean): number {
    this.#drops++
    let dropped = 0
    for (const key of this.#keys) {
      if (!meant(key)) continue
      this.#keys.delete(key)
      if (this.#cache.delete(key)) dropped++
    }
    return dropped
  }

  figures(): CacheFigures {
    const { entries, hits, misses, hitRate, evictions } = this.#cache.stats()
    return { size: entries, hits, misses, hitRate, evictions, ttlSeconds: this.#ttlSeconds }
  }
}
