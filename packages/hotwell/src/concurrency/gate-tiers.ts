import type { Clock } from '../core/clock.ts'
import type { RateQuota } from '../core/rate-gate.ts'
import type { GateRequest } from './gate-contract.ts'
import type { GateLimits } from './gate-limits.ts'
import { Lane, ProviderState, Section } from './gate-queue.ts'

/** All tiers of a gate: two sections, their sites, and in these the lanes of the accounts in use. */
export class GateTiers {
  readonly accounts = new Section(true)
  readonly others = new Section(false)
  readonly providers = new Map<string, ProviderState>()
  readonly #clock: Clock

  constructor(clock: Clock, limits: Required<GateLimits>) {
    this.#clock = clock
    this.limit(limits)
  }

  /** Every lane has to be settled afterwards. */
  limit(limits: Required<GateLimits>): void {
    this.accounts.limit = limits.maxConcurrentAcquisitions
    this.accounts.perSite = limits.maxConcurrentPerSite
    this.accounts.perAccount = limits.maxConcurrentPerAccount
    this.others.limit = limits.maxConcurrentOther
    this.others.perSite = limits.maxConcurrentPerProvider
  }

  /** @throws HotwellError `invalid_configuration` for a quota that lets nothing pass */
  provider(name: string, quota?: RateQuota): ProviderState {
    let provider = this.providers.get(name)
    if (!provider) {
      provider = new ProviderState(name, { clock: this.#clock, quota })
      this.providers.set(name, provider)
    }
    return provider
  }

  lane(provider: ProviderState, { kind, subject }: GateRequest, now: number): Lane {
    const ofAccount = kind === 'account'
    const site = (ofAccount ? this.accounts : this.others).site(provider)
    const key = ofAccount ? subject : undefined
    let lane = site.lanes.get(key)
    if (!lane) site.lanes.set(key, (lane = new Lane(site, key, now)))
    return lane
  }

  /** Lanes of accounts come and go; only those in use are kept. */
  forget({ site, subject, running, waiting }: Lane): void {
    if (site.section.ofAccounts && running === 0 && waiting === 0) site.lanes.delete(subject)
  }

  /** As they are now: what is done to one may drop it. */
  lanes(): Lane[] {
    const sites = [...this.accounts.sites.values(), ...this.others.sites.values()]
    return sites.flatMap(site => [...site.lanes.values()])
  }
}
