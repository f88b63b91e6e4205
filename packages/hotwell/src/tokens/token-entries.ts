import type { TokenEntry } from './token-entry.ts'

const sweepFrom = 1024

/**
 * The entries of a manager, one per canonical ref. An entry that nobody needs any more (no token, no flight, not in the
 * manifest) is let go when many have gathered, so that callers who ask for ever new subjects cannot fill the memory.
 * Invariant: while anybody holds a handle, the same ref leads to the same entry.
 */
export class TokenEntries {
  readonly #entries = new Map<string, TokenEntry>()
  readonly #byKey = new Map<string, TokenEntry>()
  readonly #letGo = new Map<string, WeakRef<TokenEntry>>()
  readonly #collected = new FinalizationRegistry<string>(canonical => {
    if (!this.#letGo.get(canonical)?.deref()) this.#letGo.delete(canonical)
  })
  readonly #onLetGo: (entry: TokenEntry) => void
  #sweepAt = sweepFrom

  constructor(onLetGo: (entry: TokenEntry) => void) {
    this.#onLetGo = onLetGo
  }

  get(canonical: string): TokenEntry | undefined {
    return this.#entries.get(canonical)
  }

  /** An entry that was let go, while somebody still holds its handle. To use it again, add it. */
  letGo(canonical: string): TokenEntry | undefined {
    return this.#letGo.get(canonical)?.deref()
  }

  has(entry: TokenEntry): boolean {
    return this.#entries.get(entry.ref.canonical) === entry
  }

  byKeyId(id: string): TokenEntry | undefined {
    return this.#byKey.get(id)
  }

  add(entry: TokenEntry): void {
    if (this.#entries.size >= this.#sweepAt) this.#sweep()
    this.#keep(entry)
  }

  /** Its key has changed. */
  rekeyed(entry: TokenEntry, formerId: string): void {
    if (this.#byKey.get(formerId) === entry) this.#byKey.delete(formerId)
    this.#byKey.set(entry.key.id, entry)
  }

  values(): IterableIterator<TokenEntry> {
    return this.#entries.values()
  }

  #keep(entry: TokenEntry): void {
    this.#entries.set(entry.ref.canonical, entry)
    this.#byKey.set(entry.key.id, entry)
    this.#letGo.delete(entry.ref.canonical)
  }

  #sweep(): void {
    for (const entry of this.#entries.values()) {
      if (entry.manifest || entry.flights.running || entry.alive) continue
      const { canonical } = entry.ref
      this.#entries.delete(canonical)
      this.#byKey.delete(entry.key.id)
      this.#letGo.set(canonical, new WeakRef(entry))
      this.#collected.register(entry, canonical)
      this.#onLetGo(entry)
    }
    this.#sweepAt = Math.max(sweepFrom, this.#entries.size * 2)
  }
}
