import type { AccountSource } from '../tokens/account-source.ts'
import type { AccountFacts, BarFacts, ByCache, CacheFigures } from './account-facts.ts'

/**
 * The accounts of sites behind a login. Site and account have 1 to 256 bytes, without control characters and markup.
 *
 * @throws HotwellError `invalid_request`, `not_found`, `conflict`: nothing was changed; `store_unavailable`,
 * `store_unreadable`; `closed`
 */
export interface Accounts extends AccountSource {
  /** Opens the file and checks the key. Other operations do it as well, but a server wants to know at its start. */
  open(): Promise<void>
  /** `conflict` for an account that is there, or a username that another account of the site has. */
  add(site: string, account: string, credential: { username?: string; password: string }): Promise<AccountFacts>
  /**
   * A new username or password is a new credential: its budget is whole, the former one's bar and cool-down are over.
   * The same ones again change nothing.
   */
  update(site: string, account: string, change: { username?: string; password?: string }): Promise<AccountFacts>
  remove(site: string, account: string): Promise<void>
  get(site: string, account: string): Promise<AccountFacts>
  /** In order of site and account. */
  list(options?: { site?: string }): Promise<AccountFacts[]>
  /** By hand: `until` (wall clock, ms), or until it is unbarred. A bar that it has for its password stays besides. */
  bar(site: string, account: string, options?: { reason?: string; until?: number }): Promise<AccountFacts>
  /** Lifts bars of either cause, and forgives refused passwords and spent tries. */
  unbar(site: string, account: string): Promise<AccountFacts>
  /** The bars that are not over, in order of site and account. */
  blacklist(options?: { site?: string }): Promise<BarFacts[]>
  cacheStats(): ByCache<CacheFigures>
  /** Of one site or of all; returns how many entries were dropped. What they were read from stays. */
  clearCaches(site?: string): ByCache<number>
  /** Deletes bars that are over and tries of former credentials, and says how many. */
  cleanup(): Promise<{ expiredBars: number; settledReservations: number }>
  /** Seals again with the first key what another one has sealed; returns how many passwords. */
  reseal(): Promise<number>
  /** What is wrong now, for health; empty when all is well. */
  problems(): readonly string[]
  /** Closing twice is safe. */
  close(): Promise<void>
}
