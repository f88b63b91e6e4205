import type { Fingerprint } from './token-store.ts'

const remembered = 4

/**
 * The tokens of one ref that an API rejected, by fingerprint, the last four. A provider may return one of them again
 * (Lark does while 30 minutes remain): such a token must not be served as if nothing had happened.
 */
export class Rejections {
  #fingerprints: Fingerprint[] = []

  add(fingerprint: Fingerprint): void {
    this.#fingerprints = [fingerprint, ...this.#fingerprints.filter(one => one !== fingerprint)].slice(0, remembered)
  }

  has(fingerprint: Fingerprint): boolean {
    return this.#fingerprints.includes(fingerprint)
  }

  /** The API took it after all. */
  forget(fingerprint: Fingerprint): void {
    this.#fingerprints = this.#fingerprints.filter(one => one !== fingerprint)
  }

  clear(): void {
    this.#fingerprints = []
  }
}
