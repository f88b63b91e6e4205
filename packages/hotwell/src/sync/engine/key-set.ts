/** Bytes of one key. */
export const keyBytes = 8

/**
 * Collects keys as 64-bit hashes. That two of a billion keys have the same one is unlikely; then one row stays that
 * should have gone.
 */
export class KeyWriter {
  #words = new Uint32Array(64)
  #length = 0

  get length(): number {
    return this.#length / 2
  }

  add(key: string): void {
    if (this.#length === this.#words.length) {
      const words = new Uint32Array(this.#words.length * 2)
      words.set(this.#words)
      this.#words = words
    }
    this.#words[this.#length++] = hashOfKey(key, 0x9747b28c)
    this.#words[this.#length++] = hashOfKey(key, 0x1b873593)
  }

  /** All so far, which are forgotten. */
  take(): Uint8Array {
    const bytes = new Uint8Array(this.#words.buffer.slice(0, this.#length * 4))
    this.#length = 0
    return bytes
  }
}

/** Keys that were collected, to look into. An open-addressed table: 16 bytes a key at most. */
export class KeySet {
  #table = new Uint32Array(2048)
  #size = 0

  get size(): number {
    return this.#size
  }

  addAll(bytes: Uint8Array): void {
    const words = new Uint32Array(bytes.slice().buffer)
    for (let index = 0; index < words.length; index += 2) this.#add(words[index]!, words[index + 1]!)
  }

  has(key: string): boolean {
    const first = hashOfKey(key, 0x9747b28c)
    const second = hashOfKey(key, 0x1b873593) || 1
    const place = this.#find(first, second)
    return this.#table[place + 1] !== 0
  }

  #add(first: number, given: number): void {
    // Zero marks an empty place.
    const second = given || 1
    const place = this.#find(first, second)
    if (this.#table[place + 1] !== 0) return
    this.#table[place] = first
    this.#table[place + 1] = second
    if (++this.#size * 4 > this.#table.length) this.#grow()
  }

  /** Where it is, or would be. */
  #find(first: number, second: number): number {
    const mask = this.#table.length - 1
    let place = ((first ^ second) << 1) & mask & ~1
    while (this.#table[place + 1] !== 0 && (this.#table[place] !== first || this.#table[place + 1] !== second))
      place = (place + 2) & mask
    return place
  }

  #grow(): void {
    const former = this.#table
    this.#table = new Uint32Array(former.length * 2)
    for (let index = 0; index < former.length; index += 2) {
      if (former[index + 1] === 0) continue
      const place = this.#find(former[index]!, former[index + 1]!)
      this.#table[place] = former[index]!
      this.#table[place + 1] = former[index + 1]!
    }
  }
}

/** MurmurHash3's mixing over code units. https://github.com/aappleby/smhasher/wiki/MurmurHash3 */
export function hashOfKey(key: string, seed: number): number {
  let mixed = seed
  for (let index = 0; index < key.length; index++) mixed = mix(mixed, key.charCodeAt(index))
  mixed ^= key.length
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** One step of it: takes a word into what was mixed so far. */
export function mix(mixed: number, word: number): number {
  let unit = Math.imul(word, 0xcc9e2d51)
  unit = (unit << 15) | (unit >>> 17)
  const taken = mixed ^ Math.imul(unit, 0x1b873593)
  return (Math.imul((taken << 13) | (taken >>> 19), 5) + 0xe6546b64) | 0
}
