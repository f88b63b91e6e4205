/** Replies that agree to within this are of the same moment; `Date` has whole seconds. */
const toleranceMs = 2000
const kept = 3

/**
 * Finds replies that came out of a cache on the way: their `Date` lies before the others'. The offset between a
 * provider's clock and ours is the median of its last three replies; only a reply that is older than that says shortens
 * its token's life, so a provider whose clock is wrong does no harm.
 */
export class ReplyAges {
  readonly #offsets = new Map<string, number[]>()

  /**
   * How old a reply is, in milliseconds; 0 until three were seen. `serverDate` is wall clock, `receivedAt` monotonic:
   * somebody who sets this machine's clock makes no reply older.
   */
  ageOf(provider: string, serverDate: number | undefined, receivedAt: number): number {
    if (serverDate === undefined || !Number.isFinite(serverDate)) return 0
    const offset = serverDate - receivedAt
    const offsets = this.#offsets.get(provider) ?? []
    const median = offsets.length < kept ? undefined : [...offsets].sort((a, b) => a - b)[1]!
    this.#offsets.set(provider, [...offsets, offset].slice(-kept))
    if (median === undefined) return 0
    const age = median - offset
    return age > toleranceMs ? age : 0
  }
}
