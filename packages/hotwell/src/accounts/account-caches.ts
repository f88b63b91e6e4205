import { Cache } from '../core/cache.ts'
import type { Clock } from '../core/clock.ts'
import { HotwellError } from '../core/errors.ts'
import type { AccountCredentials } from '../tokens/account-source.ts'
import type { ByCache, CacheFigures } from './account-facts.ts'
import type { BarRow } from './account-row.ts'
import { pageRows } from './repository.ts'
import { type SiteReader, SiteRecords } from './site-records.ts'

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
  readonly #statistics: KeyedCache<SiteRecords>
  /** By site: accounts that were changed since their site was read. */
  readonly #stale = new Map<string, Set<string>>()
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

  async records(site: string, reader: SiteReader): Promise<SiteRecords> {
    await this.#noticeOthers()
    const records = (await this.#statistics.get(site, async () => {
      // Before it is read: what changes meanwhile is read again.
      this.#stale.delete(site)
      return new SiteRecords(await reader.all())
    }))!
    await records.refresh(this.#stale.get(site), reader)
    return records
  }

  /** After a change of this account. */
  drop(site: string, account: string, caches: readonly CacheName[] = ['credentials', 'blacklist', 'statistics']): void {
    if (caches.includes('credentials')) this.#credentials.drop(`${site}\0${account}`)
    if (caches.includes('blacklist')) this.#blacklist.drop(site)
    if (caches.includes('statistics') && this.#statistics.has(site)) this.#makeStale(site, account)
  }

  /** Of one site, or of all; returns how many entries that were. */
  clear(site?: string): ByCache<number> {
    const meant = (key: string) => site === undefined || key.split('\0')[0] === site
    return {
      credentials: this.#credentials.dropAll(meant),
      blacklist: this.#blacklist.dropAll(meant),
      statistics: this.#statistics.dropAll(meant),
    }
  }

  figures(): ByCache<CacheFigures> {
    return {
      credentials: this.#credentials.figures(),
      blacklist: this.#blacklist.figures(),
      statistics: this.#statistics.figures(),
    }
  }

  #makeStale(site: string, account: string): void {
    const stale = this.#stale.get(site)
    if (!stale) this.#stale.set(site, new Set([account]))
    else if (stale.add(account).size > pageRows) {
      this.#statistics.drop(site)
      this.#stale.delete(site)
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
  /** Whoever comes meanwhile waits for it as well. */
  readonly #reading = new Map<string, Promise<Value | undefined>>()

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
    return this.#cache.get(key) ?? this.#reading.get(key) ?? this.#read(key, read)
  }

  /** Whether it may be served later: it is there, or being read. */
  has(key: string): boolean {
    return this.#keys.has(key) || this.#reading.has(key)
  }

  /** True: it was there. What is being read now is not kept. */
  drop(key: string): boolean {
    this.#reading.delete(key)
    this.#keys.delete(key)
    return this.#cache.delete(key)
  }

  dropAll(meant: (key: string) => boolean): number {
    for (const key of this.#reading.keys()) if (meant(key)) this.#reading.delete(key)
    return [...this.#keys].filter(key => meant(key) && this.drop(key)).length
  }

  #read(key: string, read: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const reading = read()
      .then(value => {
        const isCurrent = this.#reading.get(key) === reading
        if (value === undefined || this.#ttlSeconds === 0 || !isCurrent) return value
        this.#cache.set(key, value)
        this.#keys.add(key)
        return value
      })
      .finally(() => {
        if (this.#reading.get(key) === reading) this.#reading.delete(key)
      })
    this.#reading.set(key, reading)
    return reading
  }

  figures(): CacheFigures {
    const { entries, hits, misses, hitRate, evictions } = this.#cache.stats()
    return { size: entries, hits, misses, hitRate, evictions, ttlSeconds: this.#ttlSeconds }
  }
}
