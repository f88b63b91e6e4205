/** A map whose entries end. The ended ones are forgotten as new ones come, so it holds about one life's worth. */
export class ExpiringMap<Value> {
  readonly #entries = new Map<string, { value: Value; endsAt: number }>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Entries in memory, also ended ones that are not yet forgotten. */
  get size(): number {
    return this.#entries.size
  }

  /** @param endsAt milliseconds since 1970; from then on the entry is not found */
  set(key: string, value: Value, endsAt: number): void {
    // Entries lie in the order of their coming. One with a longer life holds up the forgetting of those behind it, no more.
    for (const [oldest, { endsAt }] of this.#entries) {
      if (endsAt > this.#now()) break
      this.#entries.delete(oldest)
    }
    this.#entries.delete(key)
    this.#entries.set(key, { value, endsAt })
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    return entry && entry.endsAt > this.#now() ? entry.value : undefined
  }

  /** @returns whether a live entry was there */
  delete(key: string): boolean {
    const wasLive = this.get(key) !== undefined
    this.#entries.delete(key)
    return wasLive
  }
}
