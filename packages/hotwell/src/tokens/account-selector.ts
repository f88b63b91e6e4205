import type { Clock } from '../core/clock.ts'
import { HotwellError, isHotwellError } from '../core/errors.ts'
import type { AccountCandidate, AccountSource } from './account-source.ts'
import { issuerOf } from './check-ref.ts'
import { entryFetch } from './entry-fetch.ts'
import type { Provider } from './provider.ts'
import { makeRef, type Ref } from './ref.ts'
import type { StoreAccess } from './store-access.ts'
import type { TokenEntry } from './token-entry.ts'
import type { GetOptions, TokenDetails, TokenInspection, TokenSource, TokenState } from './token-handle.ts'
import type { TokenRecord } from './token-store.ts'

/** So many accounts are tried before a caller is told that it failed. */
const mostTries = 3
/** So many accounts, the best ones, are looked at: a site may have ten thousand, and each lookup asks. */
const mostLookedAt = 64
/** Of so many of those the store is asked whether it has a token. */
const mostLookedUp = 32

export interface AccountSelectorParts {
  readonly accounts: AccountSource
  readonly clock: Clock
  readonly entryOf: (ref: Ref) => TokenEntry
  readonly providers: () => ReadonlyMap<string, Provider>
  readonly store: Pick<StoreAccess, 'read'>
}

/**
 * "Any good account" of a site: has no token of its own, but chooses a ref for each lookup. A live token of an account
 * that is not barred comes first, then one that is being acquired, then the best account; when that fails, another.
 */
export class AccountSelector implements TokenSource {
  readonly ref: Ref
  readonly #parts: AccountSelectorParts
  /** The one chosen last. */
  #chosen: TokenEntry | undefined
  /** Those of which that was the best. */
  #candidates: readonly AccountCandidate[] | undefined
  /** By account, those that were chosen and have a token or a flight: they are looked at, however good they are. */
  readonly #inUse = new Map<string, TokenEntry>()
  #fetch: typeof globalThis.fetch | undefined

  constructor(ref: Ref, parts: AccountSelectorParts) {
    this.ref = ref
    this.#parts = parts
  }

  async get(options: GetOptions | undefined): Promise<string> {
    return this.#withAny(entry => entry.handle.get(options), options?.signal)
  }

  async getDetails(options: GetOptions | undefined): Promise<TokenDetails> {
    return this.#withAny(entry => entry.handle.getDetails(options), options?.signal)
  }

  /** Of the account that was chosen last; undefined until one was. */
  peek(): string | undefined {
    return this.#chosen?.handle.peek()
  }

  get state(): TokenState {
    return this.#chosen?.state ?? 'cold'
  }

  inspect(): TokenInspection {
    const chosen = this.#chosen?.inspect()
    if (chosen) return { ...chosen, ref: this.ref.canonical }
    const { canonical } = this.ref
    return {
      ref: canonical,
      state: 'cold',
      acquiring: false,
      renewals: 0,
      expirySeconds: () => 0,
      expiresWithin: () => true,
    }
  }

  async refresh(options: { signal?: AbortSignal }): Promise<TokenDetails> {
    return this.#withAny(entry => entry.refresh(options), options.signal)
  }

  /** With a value: whichever account it is of. Without: the token of the account that was chosen last. */
  async invalidate(value: string | undefined): Promise<boolean> {
    if (value === undefined) return (await this.#chosen?.invalidate(undefined)) ?? false
    const entries = this.#lookedAt(await this.#parts.accounts.candidates(this.ref.provider), new Map())
    const ofHere = entries.filter(({ alive }) => alive?.record.value === value)
    const ofStore = entries.filter(({ alive }) => !alive).slice(0, mostLookedUp)
    for (const entry of [...ofHere, ...ofStore]) {
      if (await entry.invalidate(value)) return true
    }
    return false
  }

  get fetch(): typeof globalThis.fetch {
    return (this.#fetch ??= entryFetch(this, this.#parts.clock))
  }

  get provider(): Provider {
    return issuerOf(this.ref, this.#parts.providers())
  }

  get alive(): { readonly record: TokenRecord } | undefined {
    return this.#chosen?.alive
  }

  getIssued(options: GetOptions | undefined): Promise<TokenRecord> {
    return this.#withAny(entry => entry.getIssued(options), options?.signal)
  }

  async #withAny<T>(use: (entry: TokenEntry) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const failed = new Map<string, unknown>()
    for (;;) {
      signal?.throwIfAborted()
      const candidates = await this.#parts.accounts.candidates(this.ref.provider)
      const entry = await this.#best(candidates, failed)
      if (!entry) throw this.#noneLeft(candidates, failed)
      this.#chosen = entry
      this.#inUse.set(entry.ref.subject!, entry)
      try {
        return await use(entry)
      } catch (error) {
        if (!isHotwellError(error) || error.code === 'closed' || signal?.aborted) throw error
        failed.set(entry.ref.subject!, error)
        if (failed.size >= mostTries) throw error
      }
    }
  }

  async #best(
    candidates: readonly AccountCandidate[],
    failed: ReadonlyMap<string, unknown>,
  ): Promise<TokenEntry | undefined> {
    // While nothing has changed, the one that was the best is.
    if (candidates === this.#candidates && failed.size === 0 && this.#chosen?.alive) return this.#chosen
    this.#candidates = candidates
    const entries = this.#lookedAt(candidates, failed)
    const inFlight = () => entries.find(entry => entry.flights.running)
    const known = entries.find(entry => entry.alive) ?? inFlight() ?? (await this.#stored(entries)) ?? inFlight()
    return known ?? this.#ready(candidates, failed)
  }

  /** The best ones, and those in use; the best first. */
  #lookedAt(candidates: readonly AccountCandidate[], failed: ReadonlyMap<string, unknown>): TokenEntry[] {
    const left = failed.size === 0 ? candidates : candidates.filter(({ account }) => !failed.has(account))
    const entries = left.slice(0, mostLookedAt).map(({ account }) => this.#entryOf(account))
    if (left.length <= mostLookedAt) return entries
    for (const [account, entry] of this.#inUse) {
      if (!entry.alive && !entry.flights.running) this.#inUse.delete(account)
      else if (!entries.includes(entry) && left.some(candidate => candidate.account === account)) entries.push(entry)
    }
    return entries
  }

  /** One whose token another process, or this one before a restart, has stored. */
  async #stored(entries: readonly TokenEntry[]): Promise<TokenEntry | undefined> {
    const unknown = entries.filter(({ failures }) => !failures.pausing).slice(0, mostLookedUp)
    const found = await Promise.all(unknown.map(entry => this.#isStored(entry)))
    return unknown[found.indexOf(true)]
  }

  /** The best one that may log in now. */
  #ready(candidates: readonly AccountCandidate[], failed: ReadonlyMap<string, unknown>): TokenEntry | undefined {
    const now = this.#parts.clock.now()
    for (const { account, coolingUntil = 0 } of candidates) {
      if (coolingUntil > now || failed.has(account)) continue
      const entry = this.#entryOf(account)
      if (!entry.failures.pausing) return entry
    }
    return undefined
  }

  async #isStored({ key, rejections }: TokenEntry): Promise<boolean> {
    const token = (await this.#parts.store.read(key))?.token
    return token !== undefined && token.expiresAt > this.#parts.clock.now() && !rejections.has(token.value)
  }

  #entryOf(account: string): TokenEntry {
    const { provider, kind, scope, audience, resource } = this.ref
    return this.#parts.entryOf(makeRef({ provider, kind, subject: account, scope, audience, resource }))
  }

  #noneLeft(candidates: readonly AccountCandidate[], failed: ReadonlyMap<string, unknown>): unknown {
    const last = [...failed.values()].at(-1)
    if (last) return last
    const { provider, canonical } = this.ref
    if (candidates.length === 0) {
      return new HotwellError(
        'account_unavailable',
        `No account of the site "${provider}" can be used for ${canonical}: there is none, or all are barred. ` +
          `Look at them: hotwell account list --site ${provider}`,
        { retryable: false },
      )
    }
    const { now, retryAfterMs } = this.#soonest(candidates)
    return new HotwellError(
      'account_unavailable',
      `Each of the ${candidates.length} accounts of the site "${provider}" that are not barred has just failed, or cools ` +
        `down. The first can be used again at ${new Date(now + retryAfterMs).toISOString()}.`,
      { retryable: true, retryAfterMs },
    )
  }

  #soonest(candidates: readonly AccountCandidate[]) {
    const now = this.#parts.clock.now()
    let waitMs = Infinity
    for (const { account, coolingUntil = now } of candidates) {
      const coolingMs = coolingUntil - now
      if (coolingMs >= waitMs) continue
      const pausedMs = this.#entryOf(account).failures.pausing?.retryAfterMs ?? 0
      waitMs = Math.min(waitMs, Math.max(coolingMs, pausedMs))
    }
    return { now, retryAfterMs: Math.max(1000, waitMs) }
  }
}
