import type { Clock } from '../core/clock.ts'

const firstMs = 30_000
const longestMs = 900_000

/**
 * Accounts that are left alone for a while after a failure that says nothing about their password: 30 s, doubling to
 * 15 min. Failures during a cool-down, such as retries of one login, renew it and do not lengthen it. In memory only.
 */
export class CoolDowns {
  readonly #clock: Clock
  readonly #entries = new Map<string, { pauseMs: number; untilMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(key: string): void {
    const now = this.#clock.monotonic()
    const former = this.#entries.get(key)
    const longer = former && now >= former.untilMs ? former.pauseMs * 2 : former?.pauseMs
    const pauseMs = Math.min(longestMs, longer ?? firstMs)
    this.#entries.set(key, { pauseMs, untilMs: now + pauseMs })
  }

  end(key: string): void {
    this.#entries.delete(key)
  }

  /** Wall clock, ms; undefined: it does not cool down. */
  untilAt(key: string): number | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    const leftMs = entry.untilMs - this.#clock.monotonic()
    return leftMs > 0 ? this.#clock.now() + leftMs : undefined
  }
}
