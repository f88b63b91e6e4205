import { hashOfKey, mix } from './key-set.ts'

/** Of 6 bits each: together they are somewhat more than a word. */
const wordCharacters = 6

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

  /** A text that is a hash already: a part of it tells as much. */
  addHash(hash: string): void {
    this.#high = mix(this.#high, wordOf(hash, 0))
    this.#low = mix(this.#low, wordOf(hash, wordCharacters))
  }

  toString(): string {
    const text = (word: number) => (word >>> 0).toString(16).padStart(8, '0')
    return text(this.#high) + text(this.#low)
  }
}

function wordOf(hash: string, at: number): number {
  let word = 0
  for (let index = at; index < at + wordCharacters; index++) word = Math.imul(word, 67) + hash.charCodeAt(index)
  return word
}
