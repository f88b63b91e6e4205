import { backoffMs } from '../core/backoff.ts'
import { type Clock, sleep } from '../core/clock.ts'
import { HotwellError, isHotwellError } from '../core/errors.ts'
import type { Events } from '../core/events.ts'
import type { AcquisitionTarget, AcquisitionWhy } from './acquisition.ts'
import { awaitChange } from './await-change.ts'
import { claimTtlMs, keepClaim } from './claim-keeper.ts'
import { failureOf, providerFailure } from './failure.ts'
import type { Grant } from './provider.ts'
import { terminalMs } from './sort-failure.ts'
import type { TokenEvents } from './token-events.ts'
import type { Claim, Intent, NewToken, RememberedFailure, TokenKey, TokenRecord, TokenStore } from './token-store.ts'

/** The right to acquire a token now. */
export interface ClaimTaken {
  readonly status: 'taken'
  readonly key: TokenKey
  /** Absent when the store cannot be used: then the token is for this process's memory only. */
  readonly claim: Claim | undefined
  /** The token that is being replaced, if the store knows it. */
  readonly previous: TokenRecord | undefined
  /** Whether the store holds the token that is being replaced. */
  readonly present: boolean
  readonly grant: Grant | undefined
  readonly intent: Intent | undefined
  /** Stops extending it. */
  stop(): void
}

export type ClaimOutcome = ClaimTaken | { readonly status: 'newer'; readonly token: TokenRecord }

/** Longer than any acquisition may take; only a holder that is extended for ever is met by this. */
const longestWaitMs = 600_000
const commitTries = 5

/**
 * The store as the acquirer uses it: waits for other processes' claims, keeps its own alive, and works from memory
 * while the store is away, because a full disk must not stop tokens. Only the successor of a single-use grant is never
 * handed out before it is durable.
 */
export class StoreAccess {
  readonly store: TokenStore
  readonly #clock: Clock
  readonly #events: Events<TokenEvents>
  readonly #holder: string
  #worked = false
  #failing = false

  constructor(store: TokenStore, clock: Clock, events: Events<TokenEvents>, holder: string) {
    this.store = store
    this.#clock = clock
    this.#events = events
    this.#holder = holder
  }

  /** True while operations of the store fail. */
  get failing(): boolean {
    return this.#failing
  }

  /**
   * Becomes the one process that acquires the token, or returns the token that another one brought.
   * @throws the failure that another process has just had, with `details.remembered`
   */
  async claim(
    target: AcquisitionTarget,
    why: AcquisitionWhy,
    signal: AbortSignal,
    credentialVersion: string | undefined,
  ): Promise<ClaimOutcome> {
    const { key } = target
    const asked = this.#clock.now()
    const giveUpAt = this.#clock.monotonic() + longestWaitMs
    let { seenGeneration } = target
    let seen: TokenRecord | undefined
    const change = awaitChange(this.store, key, this.#clock, signal)
    try {
      for (;;) {
        const request = { holder: this.#holder, ttlMs: claimTtlMs, seenGeneration, force: why.force, credentialVersion }
        const result = await this.#try('claim', () => this.store.claim(key, request))
        if (!result || result.status === 'unreadable') return memoryOnly(key, seen)
        if (result.status === 'claimed') return this.#taken(result.claim, result.entry, seen)
        if (result.status === 'failed') throw remembered(target, result.failure)
        if (result.status === 'newer') {
          const { token } = result
          if (this.#satisfies(token, target, why, asked)) return { status: 'newer', token }
          seen = token
          seenGeneration = token.generation
        } else if (this.#clock.monotonic() >= giveUpAt) {
          throw new HotwellError('queue_timeout', `Another process has been acquiring ${key.ref} for ten minutes.`)
        } else {
          await change.wait(result.lapsesInMs)
        }
      }
    } finally {
      change.stop()
    }
  }

  async intend(taken: ClaimTaken, spent: string): Promise<void> {
    if (!taken.claim) throw unwritable(taken.key)
    if (!(await this.store.intend(taken.claim, spent))) {
      const message = `Another process has taken over the renewal of ${taken.key.ref}.`
      throw providerFailure({ code: 'conflict', disposition: 'retryable', message })
    }
  }

  /** Stores a token and returns what is current now: this one, or a newer one that another process stored. */
  async commit(
    taken: ClaimTaken,
    token: NewToken,
    options: { spent: string | undefined; seenGeneration: number },
  ): Promise<TokenRecord> {
    taken.stop()
    const { claim, previous } = taken
    const local: TokenRecord = {
      ...token,
      generation: Math.max((previous?.generation ?? 0) + 1, options.seenGeneration + 1, this.#clock.now()),
      renewals: previous ? previous.renewals + 1 : 0,
    }
    if (!claim) return local
    const write = () => this.store.commit(claim, token, options)
    const result =
      options.spent === undefined ? await this.#try('commit', write) : await insistently(write, taken.key, this.#clock)
    if (!result) return local
    if (result.status === 'stored') return result.token
    return result.token && this.#alive(result.token) ? result.token : local
  }

  async fail(
    taken: ClaimTaken,
    { error, pausedMs, credentialVersion }: { error: HotwellError; pausedMs: number; credentialVersion?: string },
  ): Promise<void> {
    taken.stop()
    const { claim } = taken
    if (!claim) return
    const { code, message } = error
    const { disposition, scope, status } = failureOf(error)
    const unspent = disposition !== 'uncertain'
    await this.#try('fail', () =>
      this.store.fail(claim, {
        code,
        message,
        disposition,
        scope,
        status,
        credentialVersion,
        // A breaker's pause is this process's own affair: others have theirs, and it ends with the first success.
        retryInMs: disposition === 'terminal' && scope === 'provider' ? Math.min(pausedMs, terminalMs) : pausedMs,
        unspent,
      }),
    )
  }

  async release(taken: ClaimTaken): Promise<void> {
    taken.stop()
    const { claim } = taken
    if (claim) await this.#try('release', () => this.store.release(claim))
  }

  /** Reads what the store has; undefined while it is away. */
  async read(key: TokenKey) {
    return this.#try('read', () => this.store.read(key))
  }

  async invalidate(key: TokenKey, generation: number): Promise<void> {
    await this.#try('invalidate', () => this.store.invalidate(key, generation))
  }

  /** Whether a token that appeared meanwhile spares an acquisition. */
  #satisfies(token: TokenRecord, { rejections }: AcquisitionTarget, why: AcquisitionWhy, asked: number): boolean {
    if (!this.#alive(token) || rejections.refuses(token.value)) return false
    return !why.force || token.issuedAt >= asked
  }

  #alive(token: TokenRecord): boolean {
    return Math.min(token.expiresAt - this.#clock.now(), token.lifeMs) > 0
  }

  #taken(claim: Claim, entry: Awaited<ReturnType<TokenStore['read']>>, seen: TokenRecord | undefined): ClaimTaken {
    const keeper = keepClaim(this.store, claim, this.#clock)
    const { token, grant, intent } = entry
    return {
      status: 'taken',
      key: claim.key,
      claim,
      previous: token ?? seen,
      present: token !== undefined,
      grant: token?.grant ?? grant,
      intent,
      stop: () => keeper.stop(),
    }
  }

  async #try<T>(operation: string, run: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await run()
      this.#worked = true
      if (this.#failing) {
        this.#failing = false
        this.#events.emit('store.recovered', Object.freeze({}))
      }
      return result
    } catch (error) {
      const code = isHotwellError(error) ? error.code : 'store_unavailable'
      if (code !== 'store_unavailable' && !(code === 'store_unreadable' && this.#worked)) throw error
      if (!this.#failing) {
        this.#failing = true
        // A foreign error may quote what was to be stored, so only its name is told.
        const message = isHotwellError(error) ? error.message : `The token store failed (${nameOf(error)}).`
        this.#events.emit('store.failed', Object.freeze({ operation, code, message }))
      }
      return undefined
    }
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.name) : typeof error
}

function memoryOnly(key: TokenKey, previous: TokenRecord | undefined): ClaimTaken {
  const none = { claim: undefined, present: false, grant: undefined, intent: undefined, stop() {} }
  return { status: 'taken', key, previous, ...none }
}

function remembered({ ref }: AcquisitionTarget, failure: RememberedFailure): HotwellError {
  const { code, message, retryInMs, disposition, scope, status } = failure
  return new HotwellError(code, message, {
    retryable: disposition !== 'terminal',
    retryAfterMs: retryInMs,
    details: { failure: { disposition, scope, status, retryAfterMs: retryInMs }, remembered: true, ref: ref.canonical },
  })
}

function unwritable(key: TokenKey): HotwellError {
  return new HotwellError(
    'store_unavailable',
    `The single-use refresh token of ${key.ref} is not spent while the store cannot keep its successor.`,
  )
}

/** The successor of a spent grant exists nowhere else: it is not given up at the first failure. */
async function insistently<T>(write: () => Promise<T>, key: TokenKey, clock: Clock): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await write()
    } catch (cause) {
      if (tries < commitTries) {
        await sleep(clock, backoffMs(tries, { baseMs: 100 }))
        continue
      }
      throw new HotwellError(
        'store_unavailable',
        `The successor of the refresh token of ${key.ref} cannot be stored.`,
        {
          cause,
          details: { failure: { disposition: 'uncertain', scope: 'ref', status: 'failed' } },
        },
      )
    }
  }
}
