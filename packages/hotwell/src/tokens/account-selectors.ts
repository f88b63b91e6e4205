import type { Clock } from '../core/clock.ts'
import { AccountSelector, type AccountSelectorParts } from './account-selector.ts'
import { issuerOf } from './check-ref.ts'
import { isSelector, makeRef, parseRef, type RefParts } from './ref.ts'
import { type LookupCounters, TokenHandle } from './token-handle.ts'

/** The handles of selectors, one per canonical ref: as many as there are sites and lists of scopes. */
export class AccountSelectors {
  readonly #handles = new Map<string, TokenHandle>()
  readonly #parts: AccountSelectorParts
  readonly #clock: Clock
  /** What a selector serves is counted where it comes from. */
  readonly #uncounted: LookupCounters = { hits: 0, misses: 0 }

  constructor(parts: AccountSelectorParts) {
    this.#parts = parts
    this.#clock = parts.clock
  }

  /**
   * The handle of a selector; undefined for the ref of a token.
   * @throws HotwellError `invalid_ref`, `unknown_provider`, `unknown_kind`
   */
  handleOf(given: string | RefParts): TokenHandle | undefined {
    const ref = typeof given === 'string' ? parseRef(given) : makeRef(given)
    if (!isSelector(ref)) return undefined
    issuerOf(ref, this.#parts.providers())
    let handle = this.#handles.get(ref.canonical)
    if (!handle) {
      handle = new TokenHandle(ref, new AccountSelector(ref, this.#parts), this.#clock, this.#uncounted)
      this.#handles.set(ref.canonical, handle)
    }
    return handle
  }
}
