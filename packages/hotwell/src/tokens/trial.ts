import type { NewToken } from './token-store.ts'

/**
 * A token that was rejected and that the provider keeps returning. It may be good after all (an API that lags, one
 * endpoint that forbids something), so after each pause one caller is given it to try. If that caller does not report
 * it as rejected again before the next pause is over, it counts as accepted.
 */
export class Trial {
  #token: NewToken | undefined
  #tried = false

  /** The provider returned it although it was rejected. */
  hold(token: NewToken): void {
    this.#token = token
    this.#tried = false
  }

  /** The token for the one caller who tries it. */
  hand(): NewToken | undefined {
    this.#tried = this.#token !== undefined
    return this.#token
  }

  /** The caller who tried it says that it was rejected again. */
  rejected(value: string): void {
    if (this.#token?.value === value) this.#tried = false
  }

  /** The token, once somebody tried it and said nothing bad of it. */
  get passed(): NewToken | undefined {
    return this.#tried ? this.#token : undefined
  }

  /** The token on trial, if it is this one. */
  held(value: string): NewToken | undefined {
    return this.#token?.value === value ? this.#token : undefined
  }

  end(): void {
    this.#token = undefined
    this.#tried = false
  }
}
