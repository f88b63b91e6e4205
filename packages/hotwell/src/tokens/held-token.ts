import type { Acquired } from './acquisition.ts'
import { type CurrentToken, currentToken, postponed, reconsidered, remainingMs } from './current-token.ts'
import type { EntryContext } from './entry-context.ts'
import { askAgainAt, share } from './lifetime.ts'
import type { Provider } from './provider.ts'
import type { Ref } from './ref.ts'
import type { TokenDetails } from './token-handle.ts'
import type { TokenRecord } from './token-store.ts'
import type { TriedToken } from './trial.ts'

/** The token that a process holds for one ref, and what it remembers of those before. */
export class HeldToken {
  readonly #context: EntryContext
  readonly #ref: Ref
  readonly #provider: () => Provider
  #current: CurrentToken | undefined
  #known: TokenRecord | undefined
  #seenGeneration = 0

  constructor(context: EntryContext, ref: Ref, provider: () => Provider) {
    this.#context = context
    this.#ref = ref
    this.#provider = provider
  }

  /** The token that is served, if it is not dead meanwhile. */
  get current(): CurrentToken | undefined {
    return this.#current
  }

  /** The last token, dead or alive; what a renewal replaces. */
  get known(): TokenRecord | undefined {
    return this.#known
  }

  /** The newest generation seen: an older record is never adopted. */
  get seenGeneration(): number {
    return this.#seenGeneration
  }

  /** Undefined once either clock says that it is dead. */
  get alive(): CurrentToken | undefined {
    return this.#current && remainingMs(this.#current, this.#context.clock) > 0 ? this.#current : undefined
  }

  /** Serves what was acquired from now on, unless what is there is the same or newer. Returns what is served. */
  install({ token, from, unchanged, sentAt }: Acquired): CurrentToken {
    const { alive } = this
    if (alive && (unchanged || token.generation < this.#seenGeneration)) {
      this.#current = unchanged ? this.#postponed(alive) : alive
      return this.#current
    }
    const current = this.seenAs(token, from, unchanged ? undefined : sentAt)
    this.#current = unchanged ? this.#postponed(current) : current
    this.#known = token
    this.sawGeneration(token.generation)
    return this.#current
  }

  /** A token with its instants, without serving it to anybody else. */
  seenAs(record: TokenRecord, from: TokenDetails['from'], sentAt?: number): CurrentToken {
    const { clock } = this.#context
    return currentToken(record, { ref: this.#ref.canonical, from, clock, marginMs: this.#marginMs(record), sentAt })
  }

  /** A token on trial, which no store has numbered; undefined if it is dead meanwhile. */
  ofTrial(tried: TriedToken | undefined): CurrentToken | undefined {
    if (!tried) return undefined
    const generation = Math.max(this.#seenGeneration + 1, this.#context.clock.now())
    const record = { ...tried.token, generation, renewals: this.#known?.renewals ?? 0 }
    const seen = this.seenAs(record, 'provider', tried.sentAt)
    return remainingMs(seen, this.#context.clock) > 0 ? seen : undefined
  }

  sawGeneration(generation: number): void {
    this.#seenGeneration = Math.max(this.#seenGeneration, generation)
  }

  /** The clocks have jumped, or the margins have changed: the instants are worked out again. */
  reconsider(): void {
    const { current } = this
    if (current) this.#current = reconsidered(current, this.#context.clock, this.#marginMs(current.record))
  }

  /** It is served no more; what replaces it still is a renewal. */
  drop(): void {
    this.#current = undefined
  }

  /** As if there had never been one. */
  reset(): void {
    this.#current = this.#known = undefined
    this.#seenGeneration = 0
  }

  #marginMs({ lifeMs }: TokenRecord): number {
    return this.#context.marginMs(this.#ref, this.#provider(), lifeMs)
  }

  #postponed(current: CurrentToken): CurrentToken {
    const { clock, node } = this.#context
    const { notBeforeSeconds } = this.#provider()
    const spread = share(node, this.#ref.canonical)
    return postponed(current, askAgainAt(current.lifetime, clock.monotonic(), { notBeforeSeconds, spread }))
  }
}
