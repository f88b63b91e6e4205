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
  #lastAt = Number.NEGATIVE_INFINITY

  /** An API rejected the current token. False: too soon after the last time, so it stays. `now`: monotonic. */
  accept(value: string, now: number): boolean {
    if (now - this.#lastAt < pauseMs) return false
    this.#lastAt = now
    this.add(value)
    return true
  }

  add(value: string): void {
    this.#fingerprints = [fingerprint(value), ...this.#without(value)].slice(0, remembered)
  }

  has(value: string): boolean {
    return this.#fingerprints.length > 0 && this.#fingerprints.includes(fingerprint(value))
  }

  /** The API took it after all. */
  forget(value: string): void {
    this.#fingerprints = this.#without(value)
    this.trial.end()
  }

  clear(): void {
    this.#fingerprints = []
    this.trial.end()
  }

  #without(value: string): Fingerprint[] {
    const print = fingerprint(value)
    return this.#fingerprints.filter(one => one !== print)
  }
}
