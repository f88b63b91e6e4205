import type { Clock } from '../core/clock.ts'
import { WindowedHistogram } from '../core/histogram.ts'
import type { GateHolder, GateUsage } from './gate-contract.ts'
import type { GateLimits } from './gate-limits.ts'
import type { ProviderState, Section } from './gate-queue.ts'
import type { Slot } from './gate-slot.ts'

const windowMs = 900_000

/** What the gate counts beside its tiers. */
export class GateTally {
  readonly #recent: WindowedHistogram
  readonly quarantined = new Set<Slot>()
  waiting = 0
  entered = 0
  timedOut = 0
  reclaimed = 0
  longestWaitMs = 0

  constructor(clock: Clock) {
    this.#recent = new WindowedHistogram({ clock, windowMs })
  }

  /** Somebody entered, or gave up. */
  waited(ms: number): void {
    this.longestWaitMs = Math.max(this.longestWaitMs, ms)
  }

  enter(waitedMs: number): void {
    this.entered++
    this.#recent.record(waitedMs)
  }

  /** Of those who entered within the last 15 minutes, in ms. */
  recentWaits(): { meanWaitMs: number; p95WaitMs: number } {
    const { count, mean } = this.#recent.current()
    return { meanWaitMs: count === 0 ? 0 : mean, p95WaitMs: count === 0 ? 0 : this.#recent.percentile(0.95) }
  }
}

interface GateState {
  readonly accounts: Section
  readonly others: Section
  readonly providers: Iterable<ProviderState>
  readonly tally: GateTally
  readonly limits: Required<GateLimits>
  /** Monotonic. */
  readonly now: number
}

/** The state of a gate as people and programs see it. */
export function usageOf(state: GateState): GateUsage {
  const { accounts, others, tally, limits, now } = state
  const { quarantined, waiting, entered, timedOut, reclaimed, longestWaitMs } = tally
  const slots = [...accounts.holders, ...others.holders, ...quarantined] as Slot[]
  return {
    running: accounts.running + others.running,
    waiting,
    providers: Object.fromEntries(Array.from(state.providers, provider => [provider.name, usageOfProvider(provider)])),
    accounts: { ...usageOfSection(accounts), quarantined: quarantined.size },
    others: usageOfSection(others),
    limits,
    holders: slots.sort((a, b) => a.number - b.number).map(slot => holderOf(slot, now)),
    entered,
    timedOut,
    reclaimed,
    longestWaitMs,
    ...tally.recentWaits(),
  }
}

function usageOfProvider({ sites, waiting, rate }: ProviderState): GateUsage['providers'][string] {
  const running = sites.reduce((sum, site) => sum + site.running, 0)
  const { heldUntil } = rate
  const perSecond = Number.isFinite(rate.perSecond) ? rate.perSecond : undefined
  return {
    running,
    waiting,
    ...(heldUntil !== undefined && { heldUntil }),
    ...(perSecond !== undefined && { perSecond }),
  }
}

function usageOfSection(section: Section): GateUsage['others'] {
  const sites: Record<string, { running: number; waiting: number }> = {}
  let waiting = 0
  for (const [name, site] of section.sites) {
    let inSite = 0
    for (const lane of site.lanes.values()) inSite += lane.waiting
    waiting += inSite
    sites[name] = { running: site.running, waiting: inSite }
  }
  return { running: section.running, waiting, sites }
}

function holderOf({ number, request, takenAt, state }: Slot, now: number): GateHolder {
  const { provider, kind, subject } = request
  return {
    number,
    provider,
    kind,
    ...(subject !== undefined && { subject }),
    heldMs: now - takenAt,
    state: state === 'quarantined' ? 'quarantined' : 'held',
  }
}
