import { randomBytes } from 'node:crypto'
import { sleep } from '../core/clock.ts'
import { HotwellError } from '../core/errors.ts'
import type { Listener } from '../core/events.ts'
import { AccountSelectors } from './account-selectors.ts'
import type { GateUsage } from './acquisition-gate.ts'
import { Breakers } from './breakers.ts'
import { providerOf } from './check-ref.ts'
import { ClockWatch } from './clock-watch.ts'
import { dependsOn, resolveDependency } from './dependency.ts'
import type { DropCause, EntryContext } from './entry-context.ts'
import { followAccounts } from './follow-accounts.ts'
import { followStore, ignoreUnreadable } from './follow-store.ts'
import { latestMarginSeconds, marginMs } from './lifetime.ts'
import { healthOf, type ManagerHealth } from './manager-health.ts'
import { logEvents } from './manager-log.ts'
import { Preheater } from './preheater.ts'
import { type Provider, sameCredentials } from './provider.ts'
import { ProviderLatency } from './provider-latency.ts'
import { makeRef, parseRef, type Ref, type RefParts } from './ref.ts'
import { ReplyAges } from './reply-age.ts'
import { StoreAccess } from './store-access.ts'
import { TokenEntries } from './token-entries.ts'
import { TokenEntry } from './token-entry.ts'
import type { TokenEvents } from './token-events.ts'
import type { TokenHandle, TokenInspection } from './token-handle.ts'
import type { TokenKeeperParts } from './token-keeper-parts.ts'
import { tokenKey } from './token-key.ts'
import type { StoreEvent } from './token-store.ts'
import { type ReadyReport, warmUp } from './warm-up.ts'

/** How long closing waits for running acquisitions, in ms. */
const closingMs = 10_000

/**
 * Keeps tokens hot: one entry per ref, the preheater that renews them, and what they share. Two managers in one process
 * do not notice each other, unless they share a store.
 */
export class TokenKeeper {
  readonly preheater: Preheater
  readonly #parts: TokenKeeperParts
  readonly #entries: TokenEntries
  readonly #context: EntryContext<TokenEntry> & { closed: boolean }
  readonly #closing = new AbortController()
  readonly #clockWatch: ClockWatch
  readonly #latency: ProviderLatency
  readonly #selectors: AccountSelectors | undefined
  readonly #unfollow: (() => void) | undefined
  #providers: ReadonlyMap<string, Provider>
  #warmUp: ReturnType<typeof warmUp> | undefined
  #unwatch: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(parts: TokenKeeperParts) {
    const { clock, events, node } = parts
    this.#parts = parts
    this.#providers = parts.providers
    this.#latency = new ProviderLatency(clock)
    this.#entries = new TokenEntries(entry => this.preheater.forget(entry))
    this.#context = this.#makeContext()
    const entries = () => this.#entries.values()
    const reconsider = () => this.#reconsider()
    const onError = (err: unknown, ref: string) => parts.logger.warn({ err, ref }, 'Planning a renewal failed')
    this.preheater = new Preheater(parts.preheat || undefined, { clock, node, entries, reconsider, onError })
    this.#clockWatch = new ClockWatch(clock, byMs => this.#clockJumped(byMs))
    logEvents(events, parts.logger)
    const { accounts } = parts
    if (accounts) {
      const entryOf = (ref: Ref) => this.#entry(ref.canonical)
      const providers = () => this.#providers
      this.#selectors = new AccountSelectors({ accounts, clock, entryOf, providers, store: this.#context.store })
      this.#unfollow = followAccounts(accounts, entries, entry => this.preheater.plan(entry))
    }
    events.on('acquisition.finished', record => {
      if (record.attempts > 0) this.#latency.record(record.provider, record.providerMs)
      parts.history?.record(record)
    })
    if (parts.preheat) this.preheater.start()
    this.keepWarm(parts.manifest)
  }

  token(ref: string | RefParts): TokenHandle {
    return this.#selectors?.handleOf(ref) ?? this.#entry(ref).handle
  }

  on<Name extends keyof TokenEvents>(name: Name, listener: Listener<TokenEvents[Name]>): () => void {
    return this.#parts.events.on(name, listener)
  }

  list(): TokenInspection[] {
    return [...this.#entries.values()].filter(entry => !entry.retired).map(entry => entry.inspect())
  }

  ready(options: { timeoutSeconds?: number; signal?: AbortSignal } = {}): Promise<ReadyReport> {
    return this.#warmUp!.report(options)
  }

  health(): ManagerHealth {
    const { store, breakers } = this.#context
    return healthOf(store.store, store.failing, breakers.status())
  }

  /** Acquires what is not there yet, and waits until each has been tried. */
  warmUp(refs: readonly string[], options: { timeoutSeconds?: number; signal?: AbortSignal }): Promise<ReadyReport> {
    const entries = refs.map(ref => this.#entry(ref))
    return warmUp(entries, this.#parts.clock).report(options)
  }

  /** Drops the access tokens of a site, or all, here and in the store. Returns how many there were. */
  async clearTokens(site: string | undefined): Promise<number> {
    const entries = [...this.#entries.values()].filter(({ ref }) => site === undefined || ref.provider === site)
    const dropped = await Promise.all(entries.map(entry => entry.invalidate(undefined)))
    return dropped.filter(Boolean).length
  }

  gateUsage(): GateUsage {
    return this.#parts.gate.usage()
  }

  /** The refs that are kept warm from now on; those that were before, and are not named, may go cold. */
  keepWarm(manifest: readonly string[]): void {
    const wanted = manifest.map(ref => this.#entry(ref))
    for (const entry of this.#entries.values()) entry.manifest = false
    for (const entry of wanted) entry.manifest = true
    this.#warmUp = warmUp(wanted, this.#parts.clock)
    for (const entry of this.#entries.values()) if (entry.current) this.preheater.plan(entry)
  }

  /** Other providers from now on. A flight ends with the provider it began with. */
  useProviders(providers: ReadonlyMap<string, Provider>): void {
    if (this.#context.closed) {
      throw new HotwellError('closed', 'The token manager is closed; its configuration is not changed any more.')
    }
    const former = this.#providers
    this.#providers = providers
    for (const [name, provider] of former) {
      const next = providers.get(name)
      if (!next || !sameCredentials(provider, next) || provider.identity !== next.identity) {
        this.#context.breakers.close(name)
      }
    }
    for (const entry of this.#entries.values()) this.#adapt(entry)
  }

  /** Gives an entry the provider that the configuration has for it now. */
  #adapt(entry: TokenEntry): void {
    const formerId = entry.key.id
    try {
      const provider = providerOf(entry.ref, this.#providers)
      entry.useProvider(provider, this.#keyOf(entry.ref, provider))
    } catch (error) {
      entry.retire(error)
    }
    if (entry.key.id !== formerId) this.#entries.rekeyed(entry, formerId)
    this.preheater.plan(entry)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  #entry(given: string | RefParts): TokenEntry {
    let entry = typeof given === 'string' ? this.#entries.get(given) : undefined
    if (!entry) {
      const ref = typeof given === 'string' ? parseRef(given) : makeRef(given)
      entry = this.#entries.get(ref.canonical) ?? this.#entries.letGo(ref.canonical) ?? this.#newEntry(ref)
      this.#keep(entry)
    }
    if (entry.retired) throw entry.retired
    return entry
  }

  /** An entry that was let go is used again: the configuration may have changed since. */
  #keep(entry: TokenEntry): void {
    if (this.#entries.has(entry)) return
    this.#entries.add(entry)
    this.#adapt(entry)
  }

  #newEntry(ref: Ref): TokenEntry {
    const provider = providerOf(ref, this.#providers)
    this.#unwatch ??= this.#context.closed ? undefined : this.#parts.store.watch(event => this.#storeChanged(event))
    const counters = this.#parts.countersFor(ref.kind)
    const key = this.#keyOf(ref, provider)
    const entry = new TokenEntry(this.#context, ref, key, provider, counters)
    this.#entries.add(entry)
    return entry
  }

  #keyOf(ref: Ref, provider: Provider) {
    return tokenKey(this.#parts.namespace, provider, ref)
  }

  #makeContext(): EntryContext<TokenEntry> & { closed: boolean } {
    const { clock, events, gate, accounts, node, store, logger, logHits, flightTaken } = this.#parts
    const holder = `${node}:${process.pid}:${randomBytes(4).toString('hex')}`
    return {
      closed: false,
      clock,
      events,
      gate,
      accounts,
      node,
      logHits,
      flightTaken: entry => {
        this.#keep(entry)
        flightTaken()
      },
      store: new StoreAccess(store, clock, events, holder),
      breakers: new Breakers(clock, {
        opened: (provider, { code, message }, retryInMs) =>
          events.emit('breaker.opened', Object.freeze({ provider, code, message, retryInMs })),
        closed: provider => {
          for (const entry of this.#entries.values()) if (entry.ref.provider === provider) entry.breakerClosed()
          events.emit('breaker.closed', Object.freeze({ provider }))
        },
      }),
      replyAges: new ReplyAges(),
      closing: this.#closing.signal,
      resolve: (needed, dependent) => this.#resolve(needed, dependent),
      hit: ref => logger.debug({ ref: ref.canonical }, `Served ${ref.canonical} from memory`),
      marginMs: (ref, provider, lifeMs) => this.#marginMs(ref, provider, lifeMs),
      changed: entry => this.preheater.plan(entry),
      dropped: (entry, generation, cause) => this.#dropped(entry, generation, cause),
    }
  }

  #marginMs(ref: Ref, provider: Provider, lifeMs: number): number {
    const { thresholdSeconds, jitterSeconds } = this.preheater.options
    const maximumSeconds = latestMarginSeconds(provider.notBeforeSeconds)
    const p99Ms = this.#latency.p99Ms(ref.provider)
    return marginMs(lifeMs, ref.canonical, { thresholdSeconds, jitterSeconds, maximumSeconds, p99Ms })
  }

  async #resolve(needed: string, dependent: Ref): Promise<{ ref: Ref; value: string }> {
    const entry = this.#entry(needed)
    const waiting = this.#entry(dependent.canonical)
    const value = await resolveDependency(entry, waiting, this.#closing.signal)
    return { ref: entry.ref, value }
  }

  /** What was acquired with a dropped token is not to be trusted either. */
  #dropped(entry: TokenEntry, generation: number, cause: DropCause): void {
    this.#parts.events.emit('token.invalidated', Object.freeze({ ref: entry.ref.canonical, generation, cause }))
    this.preheater.plan(entry)
    for (const dependent of this.#entries.values()) {
      if (dependent.current && dependsOn(dependent, entry.ref)) {
        dependent.dependencyDropped().catch(ignoreUnreadable)
      }
    }
  }

  #storeChanged({ id, type }: StoreEvent): void {
    const entry = this.#entries.byKeyId(id)
    if (entry) void followStore(this.#context, entry, type)
  }

  #reconsider(): void {
    for (const entry of this.#entries.values()) entry.reconsider()
  }

  #clockJumped(byMs: number): void {
    this.#reconsider()
    this.#parts.events.emit('clock.jumped', Object.freeze({ byMs: Math.round(byMs) }))
  }

  async #close(): Promise<void> {
    const { gate, history, store, clock, events } = this.#parts
    this.preheater.close()
    this.#context.closed = true
    const landed = this.#landed()
    const patience = new AbortController()
    await Promise.race([landed, sleep(clock, closingMs, patience.signal).catch(() => {})])
    patience.abort()
    this.#closing.abort(new HotwellError('closed', 'The token manager is closing.'))
    gate.close()
    await landed
    // The clock may stop now, and nobody compares it with the other one: the fast path is over.
    this.#clockWatch.stop()
    for (const entry of this.#entries.values()) entry.disarm()
    this.#unwatch?.()
    this.#unfollow?.()
    try {
      await history?.close()
    } finally {
      await store.close()
    }
    events.emit('manager.closed', Object.freeze({}))
  }

  async #landed(): Promise<void> {
    for (const entry of this.#entries.values()) {
      while (entry.flights.running) await entry.flights.running.promise.catch(() => {})
    }
  }
}
