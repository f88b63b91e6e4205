import type { Clock } from '../core/clock.ts'

const firstMs = 30_000
const longestMs = 900_000

interface CoolDown {
  readonly pauseMs: number
  /** Monotonic. */
  readonly untilMs: number
}

/**
 * Accounts that are left alone for a while after a failure that says nothing about their password: 30 s, doubling to
 * 15 min. Failures during a cool-down, such as retries of one login, renew it and do not lengthen it. In memory only.
 */
export class CoolDowns {
  readonly #clock: Clock
  readonly #sites = new Map<string, Map<string, CoolDown>>()
  /** Grows with each change. */
  changes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(site: string, account: string): void {
    const now = this.#clock.monotonic()
    let accounts = this.#sites.get(site)
    if (!accounts) this.#sites.set(site, (accounts = new Map()))
    const former = accounts.get(account)
    const longer = former && now >= former.untilMs ? former.pauseMs * 2 : former?.pauseMs
    const pauseMs = Math.min(longestMs, longer ?? firstMs)
    accounts.set(account, { pauseMs, untilMs: now + pauseMs })
    this.changes++
  }

  end(site: string, account: string): void {
    if (this.#sites.get(site)?.delete(account)) this.changes++
  }

  /** Wall clock, ms, by account; those that do not cool down are missing. */
  untilOf(site: string): ReadonlyMap<string, number> {
    const now = this.#clock.monotonic()
    const wall = this.#clock.now()
    const until = new Map<string, number>()
    for (const [account, { untilMs }] of this.#sites.get(site) ?? []) {
      if (untilMs > now) until.set(account, wall + untilMs - now)
    }
    return until
  }
}
