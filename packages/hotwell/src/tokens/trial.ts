import type { NewToken } from './token-store.ts'

/** A token as it came from its provider. */
export interface TriedToken {
  readonly token: NewToken
  /** Monotonic: when the request that brought it was sent. */
  readonly sentAt: number
}

/**
 * A token that was rejected and that the provider keeps returning. It may be good after all (an API that lags, one
 * endpoint that forbids something), so after each pause one caller is given it to try. If that caller does not report
 * it as rejected again before the next pause is over, it counts as accepted.
 */
export class Trial {
  #tried: TriedToken | undefined
  /** `held`: the first pause is not over. `due`: one caller may try it. `refused`: that caller's API rejected it again. */
  #state: 'held' | 'due' | 'handed' | 'refused' = 'held'

  /** Whether a token waits for its trial or is on it. */
  get pending(): boolean {
    return this.#tried !== undefined
  }

  /** The provider returned it although it was rejected. */
  hold(tried: TriedToken): void {
    this.#state = this.#tried?.token.value === tried.token.value ? 'due' : 'held'
    this.#tried = tried
  }

  /** The token, for the one caller who tries it; nobody else gets it before the next pause is over. */
  hand(): TriedToken | undefined {
    if (this.#state !== 'due') return undefined
    this.#state = 'handed'
    return this.#tried
  }

  /** The caller who tried it says that it was rejected again. */
  rejected(value: string): void {
    if (this.#tried?.token.value === value && this.#state === 'handed') this.#state = 'refused'
  }

  /** The token, once somebody tried it and said nothing bad of it. */
  get passed(): TriedToken | undefined {
    return this.#state === 'handed' ? this.#tried : undefined
  }

  end(): void {
    this.#tried = undefined
    this.#state = 'held'
  }
}
