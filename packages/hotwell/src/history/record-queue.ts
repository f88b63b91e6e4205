/** First in, first out, in constant time; what was taken can be put back in front. */
export class RecordQueue<T> {
  /** A ring, grown by doubling and never shrunk: its size is bounded by whoever fills it. */
  #ring: (T | undefined)[] = new Array(16)
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The oldest entry. */
  get first(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head]
  }

  push(entry: T): void {
    this.#makeRoom(1)
    this.#ring[(this.#head + this.#length) % this.#ring.length] = entry
    this.#length++
  }

  /** Removes and returns up to `count` of the oldest entries. */
  take(count: number): T[] {
    const taken = new Array<T>(Math.min(count, this.#length))
    for (let i = 0; i < taken.length; i++) {
      taken[i] = this.#ring[this.#head] as T
      this.#ring[this.#head] = undefined
      this.#head = (this.#head + 1) % this.#ring.length
    }
    this.#length -= taken.length
    return taken
  }

  /** Puts entries that were taken in front of all others again. */
  putBack(entries: readonly T[]): void {
    this.#makeRoom(entries.length)
    const size = this.#ring.length
    this.#head = (this.#head - entries.length + size) % size
    for (let i = 0; i < entries.length; i++) this.#ring[(this.#head + i) % size] = entries[i]
    this.#length += entries.length
  }

  #makeRoom(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#ring.length) return
    const ring: (T | undefined)[] = new Array(2 ** Math.ceil(Math.log2(needed)))
    for (let i = 0; i < this.#length; i++) ring[i] = this.#ring[(this.#head + i) % this.#ring.length]
    this.#ring = ring
    this.#head = 0
  }
}
