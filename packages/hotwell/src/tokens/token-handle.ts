import { type Clock, neverTick } from '../core/clock.ts'
import type { Ref } from './ref.ts'

/** Options of {@link TokenHandle.get}. */
export interface GetOptions {
  /**
   * The least life, in seconds, that the token should have left. Causes at most one acquisition per call, and per
   * max(5 s, life ÷ 20) of a ref; what that brings is returned even if it lives shorter. Default 0.
   */
  minTtlSeconds?: number
  /** Ends this caller's wait, never the acquisition that others share. */
  signal?: AbortSignal
}

/** A token with what is known of it, taken together. */
export interface TokenDetails {
  readonly value: string
  readonly tokenType: string
  /** The canonical ref. */
  readonly ref: string
  readonly scope?: string
  /** Wall clock, ms; `Infinity` if it never expires. */
  readonly expiresAt: number
  /** Grows with each token of the ref. */
  readonly generation: number
  /** Where this process had it from. */
  readonly from: 'provider' | 'store'
}

/**
 * `cold`: none was acquired yet. `fresh`: served as it is. `stale`: served while it is being renewed. `expired`: dead,
 * the next caller waits. `failed`: none, and the last acquisition failed. `needs_reauth`: a person has to sign in.
 * `uncertain`: it is not known whether the refresh token was spent.
 */
export type TokenState = 'cold' | 'fresh' | 'stale' | 'expired' | 'failed' | 'needs_reauth' | 'uncertain'

/** What is known of a token, without the token. */
export interface TokenInspection {
  readonly ref: string
  readonly state: TokenState
  /** True while an acquisition runs. */
  readonly acquiring: boolean
  /** Wall clock, ms. */
  readonly expiresAt?: number
  /** Wall clock, ms: when renewing begins. */
  readonly softExpiresAt?: number
  readonly generation?: number
  readonly renewals: number
  /** The last failure, if nothing succeeded since. */
  readonly failure?: { readonly code: string; readonly message: string; readonly retryAt?: number }
  /** Whole seconds until the token is dead; 0 if it is or none is there. */
  expirySeconds(): number
  /** Whether it is dead, or will be within so many seconds. */
  expiresWithin(seconds: number): boolean
}

/** Counts lookups; see TokenMetrics. */
export interface LookupCounters {
  hits: number
  misses: number
}

/** What a handle needs from the token behind it. */
export interface TokenSource {
  get(options: GetOptions | undefined): Promise<string>
  getDetails(options: GetOptions | undefined): Promise<TokenDetails>
  peek(): string | undefined
  readonly state: TokenState
  inspect(): TokenInspection
  refresh(options: { signal?: AbortSignal }): Promise<TokenDetails>
  invalidate(value: string | undefined): Promise<boolean>
  readonly fetch: typeof globalThis.fetch
}

/** What the fast path of a handle serves. */
export interface Served {
  readonly value: string
  readonly promise: Promise<string>
  readonly details: Promise<TokenDetails>
  /** Tick of the clock: from here on the slow path decides. */
  readonly freshUntil: number
}

let arm: (handle: TokenHandle, served: Served | undefined) => void
let lastUsedAt: (handle: TokenHandle) => number

/**
 * What a caller keeps for one ref. `get()` and `peek()` of a token that is there take nanoseconds: one comparison with
 * a deadline, one counter. Nothing here is an async function, because that alone would cost more than the rest.
 */
export class TokenHandle {
  readonly #ref: Ref
  readonly #source: TokenSource
  readonly #clock: Clock
  readonly #counters: LookupCounters
  #value: string | undefined
  #promise: Promise<string> | undefined
  #details: Promise<TokenDetails> | undefined
  /** Ticks, so small integers: comparing and keeping them costs no look into the heap. */
  #freshUntil = neverTick
  #usedAt = neverTick

  static {
    arm = (handle, served) => {
      handle.#value = served?.value
      handle.#promise = served?.promise
      handle.#details = served?.details
      handle.#freshUntil = served?.freshUntil ?? neverTick
    }
    lastUsedAt = handle => handle.#usedAt
  }

  /** Handles come from `tokens.token(ref)`. */
  constructor(ref: Ref, source: TokenSource, clock: Clock, counters: LookupCounters) {
    this.#ref = ref
    this.#source = source
    this.#clock = clock
    this.#counters = counters
  }

  /** The canonical ref. */
  get ref(): string {
    return this.#ref.canonical
  }

  /**
   * The token. Answered from memory while it is there; the first caller after its end waits for the one acquisition
   * that all callers share.
   * @throws HotwellError with the code of what failed; the signal's own reason if that aborted
   */
  get(options?: GetOptions): Promise<string> {
    if (options === undefined && this.#isFresh()) {
      this.#counters.hits++
      return this.#promise!
    }
    return this.#source.get(options)
  }

  /** The token with its ref, end and generation, all of the same moment. */
  getDetails(options?: GetOptions): Promise<TokenDetails> {
    if (options === undefined && this.#isFresh()) {
      this.#counters.hits++
      return this.#details!
    }
    return this.#source.getDetails(options)
  }

  /**
   * The token if it is there now, without a promise. Never waits; starts a renewal if one is due, also of a token that
   * was there and is dead. A token that was never there is not acquired: that takes a `get()`.
   */
  peek(): string | undefined {
    if (this.#isFresh()) {
      this.#counters.hits++
      return this.#value
    }
    return this.#source.peek()
  }

  /** The first look in a turn of the event loop reads the clocks; all others compare two numbers. */
  #isFresh(): boolean {
    const tick = this.#clock.coarseTick
    if (tick < this.#freshUntil) {
      this.#usedAt = tick
      return true
    }
    this.#usedAt = this.#clock.look()
    return this.#usedAt < this.#freshUntil
  }

  /** How it stands with the token now. */
  get state(): TokenState {
    return this.#source.state
  }

  /** State, end and generation; never the value. */
  inspect(): TokenInspection {
    return this.#source.inspect()
  }

  /**
   * Acquires a new token now, whatever is there. Callers that ask while an acquisition runs share the next one.
   * Resolves with the token; a provider that returns the same one (Lark, while 30 minutes remain) is no error.
   */
  refresh(options: { signal?: AbortSignal } = {}): Promise<TokenDetails> {
    return this.#source.refresh(options)
  }

  /**
   * Drops the token, for everybody who shares the store, also where only the store has it. With the value that was
   * rejected it is dropped only if that is still the current one, and at most once in 5 s. Resolves true if it was
   * dropped.
   */
  invalidate(rejectedValue?: string): Promise<boolean> {
    return this.#source.invalidate(rejectedValue)
  }

  /**
   * `fetch` with the token put in, at the provider's API only: relative paths are resolved on its base URL. A request
   * whose token is rejected is sent once more with a new one.
   */
  get fetch(): typeof globalThis.fetch {
    return this.#source.fetch
  }
}

export { arm, lastUsedAt }
