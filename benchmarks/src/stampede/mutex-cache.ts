/**
 * The control: a cache as it is often written, with one lock around "look, fetch, keep". No key is fetched twice, and
 * all keys wait for each other.
 */
export class MutexCache {
  readonly #values = new Map<string, string>()
  #last: Promise<unknown> = Promise.resolve()

  get(key: string, fetch: () => Promise<string>): Promise<string> {
    const known = this.#values.get(key)
    if (known !== undefined) return Promise.resolve(known)
    const mine = this.#last.then(async () => {
      const meanwhile = this.#values.get(key)
      if (meanwhile !== undefined) return meanwhile
      const value = await fetch()
      this.#values.set(key, value)
      return value
    })
    this.#last = mine
    return mine
  }
}
