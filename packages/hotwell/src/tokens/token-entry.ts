import type { Clock } from '../core/clock.ts'
import { HotwellError, isHotwellError } from '../core/errors.ts'
import { type Acquired, type AcquisitionWhy, acquire } from './acquirer.ts'
import { type CurrentToken, currentToken, reconsidered, remainingMs, servedBy } from './current-token.ts'
import type { DropCause, EntryContext } from './entry-context.ts'
import { FailureMemory } from './failure-memory.ts'
import { Flights, withSignal } from './flights.ts'
import { inspection } from './inspection.ts'
import { MinTtlBrake } from './min-ttl-brake.ts'
import type { Provider } from './provider.ts'
import type { Ref } from './ref.ts'
import { Rejections } from './rejections.ts'
import {
  arm,
  type GetOptions,
  type LookupCounters,
  lastUsedAt,
  type TokenDetails,
  TokenHandle,
  type TokenInspection,
  type TokenSource,
} from './token-handle.ts'
import type { NewToken, TokenKey, TokenRecord } from './token-store.ts'

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
  current: CurrentToken | undefined
  /** The newest generation seen: an older record is never adopted. */
  seenGeneration = 0
  readonly flights = new Flights<CurrentToken, AcquisitionWhy>(why => this.#fly(why))
  readonly rejections = new Rejections()
  readonly failures: FailureMemory
  readonly #context: EntryContext
  readonly #clock: Clock
  readonly #counters: LookupCounters
  /** The last token, dead or alive; what a renewal replaces. */
  #known: TokenRecord | undefined
  readonly #minTtlBrake = new MinTtlBrake()
  #dropCause: DropCause | undefined
  #fetch: typeof globalThis.fetch | undefined
  #retired: unknown

  constructor(context: EntryContext, ref: Ref, key: TokenKey, provider: Provider, counters: LookupCounters) {
    this.#context = context
    this.#clock = context.clock
    this.#counters = counters
    this.failures = new FailureMemory(context.clock)
    this.ref = ref
    this.key = key
    this.provider = provider
    this.handle = new TokenHandle(ref, this, context.clock, counters)
  }

  get(options: GetOptions | undefined): Promise<string> {
    const current = this.#serve(options)
    return current ? current.valuePromise : this.#wait(options).then(landed => landed.record.value)
  }

  getDetails(options: GetOptions | undefined): Promise<TokenDetails> {
    const current = this.#serve(options)
    return current ? current.detailsPromise : this.#wait(options).then(landed => landed.details)
  }

  peek(): string | undefined {
    const current = this.#serve(undefined)
    if (!current) this.#counters.misses++
    return current?.record.value
  }

  async refresh({ signal }: { signal?: AbortSignal }): Promise<TokenDetails> {
    this.#refuseWhenClosed()
    const landed = await withSignal(this.flights.next({ trigger: 'manual', force: true }), signal)
    return landed.details
  }

  async invalidate(value: string | undefined): Promise<boolean> {
    if (value !== undefined) this.rejections.trial.rejected(value)
    const current = this.alive()
    if (!current) return false
    if (value === undefined) {
      await this.drop('manual')
      return true
    }
    if (value !== current.record.value || !this.rejections.accept(value, this.#clock.monotonic())) return false
    await this.drop('rejected')
    return true
  }

  /** The API took this value: if it was on trial, it is the token again. */
  accepted(value: string): void {
    const acquitted = this.rejections.trial.held(value)
    if (acquitted) this.#acquit(acquitted)
  }

  /** The token and when it was issued, for an API call. */
  async getIssued(options: GetOptions | undefined): Promise<TokenRecord> {
    return (this.#serve(options) ?? (await this.#wait(options))).record
  }

  inspect(): TokenInspection {
    return inspection(this, this.#clock)
  }

  get fetch(): typeof globalThis.fetch {
    this.#fetch ??= this.#context.fetchFor(this)
    return this.#fetch
  }

  /** Monotonic: when a caller last asked for it. */
  get usedAt(): number {
    return lastUsedAt(this.handle)
  }

  /** Renews it before anybody has to wait. */
  preheat(): Promise<CurrentToken> {
    return this.flights.join({ trigger: this.#known ? 'preheat' : 'no_token', hurry: new AbortController() })
  }

  /** Another provider from now on. Tokens of another identity are not this ref's any more. */
  useProvider(provider: Provider, key: TokenKey): void {
    this.#retired = undefined
    if (provider.credentialVersion !== this.provider.credentialVersion) this.failures.clear()
    this.provider = provider
    this.#fetch = undefined
    if (key.id === this.key.id) return
    this.key = key
    this.#reset()
  }

  /** The configuration does not know it any more. */
  retire(error: unknown): void {
    this.#retired = error
    this.manifest = false
    this.#reset()
  }

  /** Undefined once either clock says that it is dead. */
  alive(): CurrentToken | undefined {
    const { current } = this
    return current && remainingMs(current, this.#clock) > 0 ? current : undefined
  }

  /** Takes over a token that another process stored, if it is newer than all seen here. */
  adopt(record: TokenRecord): void {
    if (record.generation <= this.seenGeneration || this.rejections.has(record.value)) return
    this.#install({ token: record, from: 'store', unchanged: false })
    this.#context.events.emit('token.adopted', { ref: this.ref.canonical, generation: record.generation })
  }

  /** Drops the token here and in the store. */
  async drop(cause: DropCause): Promise<void> {
    const { current } = this
    if (!current) return
    const { generation } = current.record
    this.#forget(cause)
    await this.#context.store.invalidate(this.key, generation)
  }

  /** Somebody who shares the store dropped every generation up to this one. */
  droppedElsewhere(generation: number): void {
    const { current } = this
    if (!current || current.record.generation > generation) return
    this.rejections.add(current.record.value)
    this.#forget('rejected')
  }

  /** The clocks have jumped, or the margins have changed: its instants are worked out again. */
  reconsider(): void {
    if (!this.current) return
    this.current = reconsidered(this.current, this.#clock, this.#margin(this.current.record))
    this.#arm()
    this.#context.changed(this, false)
  }

  /** The token to serve now, or undefined if the caller has to wait. */
  #serve(options: GetOptions | undefined): CurrentToken | undefined {
    const current = this.alive()
    if (!current) return undefined
    const now = this.#clock.monotonic()
    if (options?.minTtlSeconds && this.#tooShort(current, options.minTtlSeconds * 1000, now)) return undefined
    if (now >= current.lifetime.softAt) this.#renewBehind()
    else this.#arm()
    this.#counters.hits++
    if (this.#context.logHits) this.#context.hit(this.ref)
    return current
  }

  /** Whether a caller's wish for a longer life causes an acquisition. */
  #tooShort(current: CurrentToken, minTtlMs: number, now: number): boolean {
    if (remainingMs(current, this.#clock) >= minTtlMs || this.failures.pausing) return false
    return this.#minTtlBrake.passes(current.record.lifeMs, now)
  }

  #wait(options: GetOptions | undefined): Promise<CurrentToken> {
    this.#counters.misses++
    try {
      this.#refuseWhenClosed()
      if (this.failures.pausing) throw this.failures.pausing
    } catch (error) {
      return Promise.reject(error)
    }
    const { passed } = this.rejections.trial
    if (passed) return Promise.resolve(this.#acquit(passed))
    const mayTry = this.failures.last?.error.code === 'still_rejected' && !this.flights.running
    this.flights.running?.why.hurry?.abort()
    const landed = this.flights.join({ trigger: this.#trigger() })
    return withSignal(landed, options?.signal).catch(error => this.#insteadOf(error, mayTry))
  }

  /** A shorter life than was wished for, or the token on trial for one caller; else the error stands. */
  #insteadOf(error: unknown, mayTry: boolean): CurrentToken {
    const current = this.alive()
    if (current && isHotwellError(error)) return current
    const onTrial = mayTry && isHotwellError(error, 'still_rejected') ? this.rejections.trial.hand() : undefined
    if (onTrial) return this.#current(this.#local(onTrial), 'provider')
    throw error
  }

  /** What was rejected turns out to be good. */
  #acquit(token: NewToken): CurrentToken {
    this.rejections.forget(token.value)
    return this.#install({ token: this.#local(token), from: 'provider', unchanged: false })
  }

  #renewBehind(): void {
    if (this.flights.running || this.failures.pausing || this.#context.closed) return
    this.flights.join({ trigger: 'preheat', hurry: new AbortController() }).catch(() => {})
  }

  async #fly(why: AcquisitionWhy): Promise<CurrentToken> {
    this.#context.flightTaken()
    this.#dropCause = undefined
    const { ref, key, provider, seenGeneration, rejections } = this
    const failures = this.failures.last?.count ?? 0
    try {
      const late = (acquired: Acquired) => void (key.id === this.key.id && this.#install(acquired))
      const target = { ref, key, provider, known: this.#known, seenGeneration, rejections, failures, late }
      const acquired = await acquire(this.#context, target, why)
      // The configuration has changed meanwhile: its callers get it, nobody else does.
      if (key.id !== this.key.id || this.#retired) return this.#current(acquired.token, acquired.from, acquired.sentAt)
      return this.#install(acquired)
    } catch (error) {
      if (key.id === this.key.id && this.failures.add(error)) this.#context.changed(this, false)
      throw error
    }
  }

  #install({ token, from, unchanged, sentAt }: Acquired): CurrentToken {
    this.failures.clear()
    this.rejections.trial.end()
    const current = this.alive()
    if (current && (unchanged || token.generation < this.seenGeneration)) {
      this.#context.changed(this, unchanged)
      return current
    }
    this.current = this.#current(token, from, unchanged ? undefined : sentAt)
    this.#known = token
    this.seenGeneration = Math.max(this.seenGeneration, token.generation)
    this.#arm()
    this.#context.changed(this, unchanged)
    return this.current
  }

  #current(record: TokenRecord, from: TokenDetails['from'], sentAt?: number): CurrentToken {
    const ref = this.ref.canonical
    return currentToken(record, { ref, from, clock: this.#clock, marginMs: this.#margin(record), sentAt })
  }

  #local(token: NewToken): TokenRecord {
    return {
      ...token,
      generation: Math.max(this.seenGeneration + 1, this.#clock.now()),
      renewals: this.#known?.renewals ?? 0,
    }
  }

  #trigger(): AcquisitionWhy['trigger'] {
    if (this.#dropCause === 'rejected') return 'rejected'
    return this.#known ? 'token_expired' : 'no_token'
  }

  #margin(record: TokenRecord): number {
    return this.#context.marginMs(this.ref, this.provider, record.lifeMs)
  }

  #arm(): void {
    arm(this.handle, this.current && !this.#context.logHits ? servedBy(this.current, this.#clock) : undefined)
  }

  #forget(cause: DropCause): void {
    const { generation } = this.current!.record
    this.current = undefined
    this.#dropCause = cause
    arm(this.handle, undefined)
    this.#context.dropped(this, generation, cause)
  }

  #reset(): void {
    this.current = this.#known = undefined
    this.failures.clear()
    this.seenGeneration = 0
    this.rejections.clear()
    arm(this.handle, undefined)
  }

  #refuseWhenClosed(): void {
    if (this.#retired) throw this.#retired
    if (!this.#context.closed) return
    throw new HotwellError('closed', `The token manager is closed; ${this.ref.canonical} is not acquired any more.`)
  }
}
