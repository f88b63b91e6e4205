const windowMs = 60_000
const allowedPerWindow = 20
const mostAddresses = 10_000

/**
 * Counts failed authentications by address. Only failures are ever refused: a valid key passes whatever others behind
 * the same address do.
 */
export class FailedAttempts {
  readonly #byAddress = new Map<string, { count: number; endsAt: number }>()

  /** Counts one more. Returns how long this address has to wait, in ms; 0 while it may go on. */
  add(address: string, now = Date.now()): number {
    let entry = this.#byAddress.get(address)
    if (!entry || entry.endsAt <= now) {
      if (this.#byAddress.size >= mostAddresses) this.#byAddress.clear()
      this.#byAddress.set(address, (entry = { count: 0, endsAt: now + windowMs }))
    }
    entry.count++
    return entry.count > allowedPerWindow ? entry.endsAt - now : 0
  }
}
