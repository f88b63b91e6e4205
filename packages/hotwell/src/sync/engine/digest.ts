import { hashOfKey } from './key-set.ts'

/**
 * What pages held, in order: 64 bits that are the same when the same pages are read again. Kept as a text between runs.
 */
export class Digest {
  #high: number
  #low: number

  constructor(text = '') {
    this.#high = Number.parseInt(text.slice(0, 8), 16) >>> 0
    this.#low = Number.parseInt(text.slice(8), 16) >>> 0
  }

  add(text: string): void {
    this.#high = hashOfKey(text, this.#high)
    this.#low = hashOfKey(text, this.#low ^ 0x5bd1e995)
  }

  toString(): string {
    return this.#high.toString(16).padStart(8, '0') + this.#low.toString(16).padStart(8, '0')
  }
}
