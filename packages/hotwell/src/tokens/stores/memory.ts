import { type Clock, createSystemClock } from '../../core/clock.ts'
import { Events } from '../../core/events.ts'
import {
  claimState,
  commitState,
  emptyState,
  entryOf,
  extendState,
  failState,
  intendState,
  invalidateState,
  isIrreplaceable,
  type Now,
  releaseState,
  type TokenState,
  type Transition,
} from '../store-transitions.ts'
import type { StoreEvent, TokenKey, TokenStore } from '../token-store.ts'

export interface MemoryOptions {
  /**
   * From how many keys on the least recently used are dropped. Keys with a live claim, a grant or an unresolved intent
   * are never dropped, even if there are more of them. Default 100,000.
   */
  maxEntries?: number
  /** Dates claims and failures. A manager on a clock of its own needs that same clock here. Default: the machine's. */
  clock?: Clock
}

/** Keeps tokens in this process only: nothing is written, so nothing is sealed. Several managers may share one. */
export function memory(options: MemoryOptions = {}): TokenStore {
  return new MemoryTokenStore(options)
}

const sweepEveryMs = 1000

class MemoryTokenStore implements TokenStore {
  readonly scope = 'process'
  readonly #maxEntries: number
  readonly #clock: Clock
  readonly #states = new Map<string, TokenState>()
  /** Ids that may be dropped, the least recently used first. */
  readonly #droppable = new Set<string>()
  readonly #events = new Events<{ change: StoreEvent }>()
  #sweptAt = -Infinity

  constructor({ maxEntries = 100_000, clock = createSystemClock() }: MemoryOptions) {
    this.#maxEntries = maxEntries
    this.#clock = clock
  }

  async open() {}

  read: TokenStore['read'] = async key => {
    if (this.#droppable.delete(key.id)) this.#droppable.add(key.id)
    return entryOf(this.#states.get(key.id) ?? emptyState, this.#now())
  }

  claim: TokenStore['claim'] = async (key, request) =>
    this.#apply(key, (state, now) => claimState(state, now, request, key))

  extend: TokenStore['extend'] = async (claim, ttlMs) =>
    this.#apply(claim.key, (state, now) => extendState(state, now, claim, ttlMs))

  intend: TokenStore['intend'] = async (claim, spent) =>
    this.#apply(claim.key, (state, now) => intendState(state, now, claim, spent))

  commit: TokenStore['commit'] = async (claim, token, options) =>
    this.#apply(claim.key, (state, now) => commitState(state, now, claim, token, options))

  fail: TokenStore['fail'] = async (claim, failure) =>
    this.#apply(claim.key, (state, now) => failState(state, now, claim, failure))

  release: TokenStore['release'] = async claim => this.#apply(claim.key, state => releaseState(state, claim))

  invalidate: TokenStore['invalidate'] = async (key, generation) =>
    this.#apply(key, state => invalidateState(state, generation))

  watch: TokenStore['watch'] = listener => this.#events.on('change', listener)

  problems(): readonly string[] {
    const excess = this.#states.size - this.#maxEntries
    if (excess <= 0) return []
    return [`The memory store holds ${excess} keys more than maxEntries (${this.#maxEntries}): none may be dropped.`]
  }

  async close() {}

  #apply<Result>(key: TokenKey, decide: (state: TokenState, now: Now) => Transition<Result>): Result {
    const state = this.#states.get(key.id) ?? emptyState
    const now = this.#now()
    const { result, change, event } = decide(state, now)
    if (change) this.#write(key.id, { ...state, ...change }, now)
    if (event) this.#events.emit('change', Object.freeze({ id: key.id, type: event }))
    return result
  }

  #write(id: string, state: TokenState, now: Now): void {
    this.#states.set(id, state)
    this.#droppable.delete(id)
    if (!isIrreplaceable(state, now)) this.#droppable.add(id)
    while (this.#states.size > this.#maxEntries) {
      const [oldest] = this.#droppable
      if (oldest === undefined) {
        if (this.#sweep(now)) continue
        break
      }
      this.#droppable.delete(oldest)
      this.#states.delete(oldest)
    }
  }

  /** Claims lapse without a write, so their keys become droppable unnoticed. True: some were found. */
  #sweep(now: Now): boolean {
    if (now.monotonicMs < this.#sweptAt + sweepEveryMs) return false
    this.#sweptAt = now.monotonicMs
    for (const [id, state] of this.#states) if (!isIrreplaceable(state, now)) this.#droppable.add(id)
    return this.#droppable.size > 0
  }

  #now(): Now {
    const { bootId } = this.#clock
    return { wallMs: this.#clock.now(), monotonicMs: this.#clock.monotonic(), bootId }
  }
}
