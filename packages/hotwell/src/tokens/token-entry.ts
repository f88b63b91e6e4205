import { type Clock, neverTick } from '../core/clock.ts'
import { isHotwellError } from '../core/errors.ts'
import type { Acquired, AcquisitionWhy } from './acquisition.ts'
import { type CurrentToken, remainingMs } from './current-token.ts'
import { closedFor, type DropCause, type EntryContext } from './entry-context.ts'
import { entryFetch } from './entry-fetch.ts'
import { FailureMemory } from './failure-memory.ts'
import { FastPath } from './fast-path.ts'
import { Flights, withSignal } from './flights.ts'
import { bothReasons, fly } from './fly.ts'
import { HeldToken } from './held-token.ts'
import { inspection, stateNow } from './inspection.ts'
import { MinTtlBrake } from './min-ttl-brake.ts'
import { type Provider, sameCredentials } from './provider.ts'
import type { Ref } from './ref.ts'
import { Rejections } from './rejections.ts'
import type { GetOptions, LookupCounters, TokenDetails, TokenInspection, TokenState } from './token-handle.ts'
import { lastUsedAt, TokenHandle, type TokenSource } from './token-handle.ts'
import type { TokenKey, TokenRecord } from './token-store.ts'

/**
 * All that a process knows of one ref: the token, its flights, its last failure, what was rejected. Decides for each
 * lookup whether the token is served, served and renewed behind, or waited for.
 */
export class TokenEntry implements TokenSource {
  readonly ref: Ref
  key: TokenKey
  readonly handle: TokenHandle
  provider: Provider
  /** In the manifest: kept warm whether anybody asks or not. */
  manifest = false
  /** What callers are told once the configuration does not know this ref any more. */
  retired: unknown
  readonly held: HeldToken
  readonly flights = new Flights<CurrentToken, AcquisitionWhy>(why => this.#fly(why), bothReasons)
  readonly rejections = new Rejections()
  readonly failures: FailureMemory
  readonly #fastPath: FastPath
  readonly #context: EntryContext
  readonly #clock: Clock
  readonly #counters: LookupCounters
  readonly #minTtlBrake = new MinTtlBrake()
  #dropCause: DropCause | undefined
  #fetch: typeof globalThis.fetch | undefined
  #usedAt = neverTick

  constructor(context: EntryContext, ref: Ref, key: TokenKey, provider: Provider, counters: LookupCounters) {
    this.#context = context
    this.#clock = context.clock
    this.#counters = counters
    this.failures = new FailureMemory(context.clock)
    this.ref = ref
    this.key = key
    this.provider = provider
    this.handle = new TokenHandle(ref, this, context.clock, counters)
    this.#fastPath = new FastPath(context, this.handle)
    this.held = new HeldToken(context, ref, () => this.provider)
  }

  get current(): CurrentToken | undefined {
    return this.held.current
  }

  /** Undefined once either clock says that it is dead. */
  get alive(): CurrentToken | undefined {
    return this.held.alive
  }

  get(options: GetOptions | undefined): Promise<string> {
    const waiting = options === undefined ? this.#fastPath.waiting(this.flights.running) : undefined
    if (waiting) {
      this.#counters.misses++
      return waiting
    }
    const current = this.#serve(options)
    if (current) return current.valuePromise
    const value = this.#wait(options).then(landed => landed.record.value)
    // Only one of those who wait may be given the token on trial, and the end of a pause is told to all.
    const shareable = options === undefined && !this.rejections.trial.pending && !this.failures.pausing
    if (shareable) this.#fastPath.share(this.flights.running, value)
    return value
  }

  getDetails(options: GetOptions | undefined): Promise<TokenDetails> {
    const current = this.#serve(options)
    return current ? current.detailsPromise : this.#wait(options).then(landed => landed.details)
  }

  peek(): string | undefined {
    const current = this.#serve(undefined)
    if (current) return current.record.value
    this.#counters.misses++
    if (this.held.known) this.#renewBehind()
    return undefined
  }

  async refresh({ signal }: { signal?: AbortSignal }): Promise<TokenDetails> {
    if (this.#refusal()) throw this.#refusal()
    this.flights.running?.why.hurry?.abort()
    const landed = await withSignal(this.flights.next({ trigger: 'manual', force: true }), signal)
    return landed.details
  }

  async invalidate(value: string | undefined): Promise<boolean> {
    if (value !== undefined) this.rejections.trial.rejected(value)
    const stored = this.alive ? undefined : (await this.#context.store.read(this.key))?.token
    // Another one may have come meanwhile.
    const record = this.alive?.record ?? stored
    if (!record) return false
    if (value === undefined) return this.#drop(record, 'manual')
    if (value !== record.value || !this.rejections.accept(value, this.#clock.monotonic())) return false
    return this.#drop(record, 'rejected')
  }

  /** The token and when it was issued, for an API call. */
  async getIssued(options: GetOptions | undefined): Promise<TokenRecord> {
    this.#usedAt = this.#clock.look()
    return (this.#serve(options) ?? (await this.#wait(options))).record
  }

  get state(): TokenState {
    return stateNow(this, this.#clock)
  }

  inspect(): TokenInspection {
    return inspection(this, this.#clock)
  }

  get fetch(): typeof globalThis.fetch {
    return (this.#fetch ??= entryFetch(this, this.#clock))
  }

  /** Tick of the clock: when a caller last asked for it. */
  get usedAt(): number {
    return Math.max(this.#usedAt, lastUsedAt(this.handle))
  }

  /** Renews it before anybody has to wait. */
  async preheat(): Promise<CurrentToken> {
    if (this.#refusal()) throw this.#refusal()
    const trigger = this.held.known ? 'preheat' : 'no_token'
    return this.#join({ trigger, hurry: new AbortController() })
  }

  /** Another provider from now on. Tokens of another identity are not this ref's any more. */
  useProvider(provider: Provider, key: TokenKey): void {
    this.retired = undefined
    if (!sameCredentials(provider, this.provider)) this.failures.clear()
    this.disarm()
    this.provider = provider
    if (key.id === this.key.id) return
    this.key = key
    this.#reset()
  }

  /** The configuration does not know it any more. */
  retire(error: unknown): void {
    this.retired = error
    this.manifest = false
    this.#reset()
  }

  /** The provider works again: what was remembered of its failing as a whole does not count. */
  breakerClosed(): void {
    if (!this.failures.clearProviderWide()) return
    this.disarm()
    this.#context.changed(this)
  }

  /** From now on every lookup takes the slow path, which looks at the clocks itself. */
  disarm(): void {
    this.#fastPath.disarm()
  }

  /** What it was acquired with has been dropped. */
  async dependencyDropped(): Promise<void> {
    if (this.current) await this.#drop(this.current.record, 'dependency')
  }

  /** The clocks have jumped, or the margins have changed: its instants are worked out again. */
  reconsider(): void {
    if (!this.current) return
    this.held.reconsider()
    this.#fastPath.arm(this.current)
    this.#context.changed(this)
  }

  /** The token to serve now, or undefined if the caller has to wait. */
  #serve(options: GetOptions | undefined): CurrentToken | undefined {
    const current = this.alive
    if (!current) return undefined
    const now = this.#clock.monotonic()
    const mayAsk = options?.minTtlSeconds && !this.failures.pausing && !this.#context.closed
    if (mayAsk && this.#minTtlBrake.passes(options, remainingMs(current, this.#clock), current, now)) return undefined
    if (now < current.lifetime.softAt) this.#fastPath.arm(current)
    else {
      this.#renewBehind()
      this.#fastPath.armSoft(current, this.flights.running, this.failures)
    }
    this.#counters.hits++
    if (this.#context.logHits) this.#context.hit(this.ref)
    return current
  }

  #wait(options: GetOptions | undefined): Promise<CurrentToken> {
    this.#counters.misses++
    const signal = options?.signal
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#refusal()) return Promise.reject(this.#refusal())
    if (this.failures.pausing) return Promise.reject(this.failures.pausing).catch(error => this.#insteadOf(error))
    this.flights.running?.why.hurry?.abort()
    return withSignal(this.#join({ trigger: this.#trigger() }), signal).catch(error => this.#insteadOf(error))
  }

  /** The running flight or a new one, unless the token on trial has passed. */
  #join(why: AcquisitionWhy): Promise<CurrentToken> {
    const acquitted = this.failures.pausing ? undefined : this.#acquit()
    return acquitted ? Promise.resolve(acquitted) : this.flights.join(why)
  }

  /** A shorter life than was wished for, or the token on trial for one caller; else the error stands. */
  #insteadOf(error: unknown): CurrentToken {
    const { alive } = this
    if (alive && isHotwellError(error)) return alive
    const onTrial = isHotwellError(error, 'still_rejected')
      ? this.held.ofTrial(this.rejections.trial.hand())
      : undefined
    if (!onTrial) throw error
    return onTrial
  }

  /** A rejected token that one caller tried, and of which nothing bad was heard, is the token again. */
  #acquit(): CurrentToken | undefined {
    const { passed } = this.rejections.trial
    if (!passed) return undefined
    this.rejections.forget(passed.token.value)
    const token = this.held.ofTrial(passed)?.record
    return token && this.install({ token, from: 'provider', unchanged: false, sentAt: passed.sentAt })
  }

  #renewBehind(): void {
    if (this.flights.running || this.failures.pausing || this.#refusal()) return
    const trigger = this.alive ? 'preheat' : this.#trigger()
    this.#join({ trigger, hurry: new AbortController() }).catch(() => {})
  }

  async #fly(why: AcquisitionWhy): Promise<CurrentToken> {
    this.#context.flightTaken(this)
    this.#dropCause = undefined
    if (this.#refusal()) throw this.#refusal()
    return fly(this.#context, this, why)
  }

  /** Serves what was acquired from now on. */
  install(acquired: Acquired): CurrentToken {
    this.failures.clear()
    this.rejections.trial.end()
    if (acquired.from === 'store') this.rejections.trust(acquired.token.value)
    const current = this.held.install(acquired)
    this.#fastPath.arm(this.current)
    this.#context.changed(this)
    return current
  }

  #trigger(): AcquisitionWhy['trigger'] {
    if (this.#dropCause === 'rejected') return 'rejected'
    return this.held.known ? 'token_expired' : 'no_token'
  }

  async #drop({ generation }: TokenRecord, cause: DropCause): Promise<true> {
    // Begun first, so that others hear of it before they hear of what depends on it.
    const stored = this.#context.store.invalidate(this.key, generation)
    this.forget(generation, cause)
    await stored
    return true
  }

  /** Serves it no more, and tells what depends on it. */
  forget(generation: number, cause: DropCause): void {
    this.held.drop()
    this.held.sawGeneration(generation)
    this.#dropCause = cause
    this.disarm()
    this.#context.dropped(this, generation, cause)
  }

  #reset(): void {
    this.flights.outdate()
    this.held.reset()
    this.failures.clear()
    this.rejections.clear()
    this.disarm()
  }

  #refusal(): unknown {
    return this.retired ?? (this.#context.closed ? closedFor(this.ref) : undefined)
  }
}
