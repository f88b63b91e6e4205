import { fingerprint } from './token-key.ts'
import type { Fingerprint } from './token-store.ts'
import { Trial } from './trial.ts'

const remembered = 4
/** At most one acquisition per ref in this time is caused by a rejection. */
const pauseMs = 5000

/**
 * The tokens of one ref that an API rejected, by fingerprint, the last four. A provider may return one of them again
 * (Lark does while 30 minutes remain): such a token must not be served as if nothing had happened, it is put on trial.
 */
export class Rejections {
  readonly trial = new Trial()
  #fingerprints: Fingerprint[] = []
  /** Dropped by somebody who shares the store: rejected, as far as is known here. */
  #suspects: Fingerprint[] = []
  #lastAt = Number.NEGATIVE_INFINITY

  /** An API rejected the current token. False: too soon after the last time, so it stays. `now`: monotonic. */
  accept(value: string, now: number): boolean {
    if (now - this.#lastAt < pauseMs) return false
    this.#lastAt = now
    this.#fingerprints = withFirst(this.#fingerprints, value)
    return true
  }

  /** Somebody who shares the store dropped it; whether an API rejected it is not known. */
  suspect(value: string): void {
    this.#suspects = withFirst(this.#suspects, value)
  }

  /** Somebody who shares the store has stored it again, so it was not rejected there. */
  trust(value: string): void {
    this.#suspects = without(this.#suspects, value)
  }

  /** Whether a provider that returns it has returned a rejected token. */
  has(value: string): boolean {
    return this.refuses(value) || includes(this.#suspects, value)
  }

  /** Whether it was rejected here, so that nobody's storing it makes it good. */
  refuses(value: string): boolean {
    return includes(this.#fingerprints, value)
  }

  /** The API took it after all. */
  forget(value: string): void {
    this.#fingerprints = without(this.#fingerprints, value)
    this.trust(value)
    this.trial.end()
  }

  clear(): void {
    this.#fingerprints = []
    this.#suspects = []
    this.trial.end()
  }
}

function includes(prints: readonly Fingerprint[], value: string): boolean {
  return prints.length > 0 && prints.includes(fingerprint(value))
}

function without(prints: Fingerprint[], value: string): Fingerprint[] {
  if (prints.length === 0) return prints
  const print = fingerprint(value)
  return prints.filter(one => one !== print)
}

function withFirst(prints: Fingerprint[], value: string): Fingerprint[] {
  return [fingerprint(value), ...without(prints, value)].slice(0, remembered)
}
