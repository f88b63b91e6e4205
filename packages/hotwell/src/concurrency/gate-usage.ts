import type { Clock } from '../core/clock.ts'
import { Histogram, WindowedHistogram } from '../core/histogram.ts'
import type { GateHolder, GateSectionUsage, GateUsage } from './gate-contract.ts'
import type { GateLimits } from './gate-limits.ts'
import type { ProviderState, Section } from './gate-queue.ts'
import type { Slot } from './gate-slot.ts'
import type { GateTiers } from './gate-tiers.ts'

const windowMs = 900_000

/** How those fared who entered one section of the gate, or wanted to. */
class SectionTally {
  readonly waits: WindowedHistogram
  entered = 0
  timedOut = 0

  constructor(clock: Clock) {
    this.waits = new WindowedHistogram({ clock, windowMs })
  }
}

/** What the gate counts beside its tiers. */
export class GateTally {
  readonly accounts: SectionTally
  readonly others: SectionTally
  readonly quarantined = new Set<Slot>()
  waiting = 0
  reclaimed = 0
  longestWaitMs = 0

  constructor(clock: Clock) {
    this.accounts = new SectionTally(clock)
    this.others = new SectionTally(clock)
  }

  /** Somebody entered, or gave up. */
  waited(ms: number): void {
    this.longestWaitMs = Math.max(this.longestWaitMs, ms)
  }

  enter({ ofAccounts }: Section, waitedMs: number, now: number): void {
    const tally = ofAccounts ? this.accounts : this.others
    tally.entered++
    tally.waits.record(waitedMs, now)
  }

  timeOut({ ofAccounts }: Section): void {
    if (ofAccounts) this.accounts.timedOut++
    else this.others.timedOut++
  }
}

interface GateState {
  readonly tiers: GateTiers
  readonly tally: GateTally
  readonly limits: Required<GateLimits>
  /** Monotonic. */
  readonly now: number
}

/** The state of a gate as people and programs see it. */
export function usageOf(state: GateState): GateUsage {
  const { tally, limits, now } = state
  const { accounts, others, providers } = state.tiers
  const { quarantined, waiting, reclaimed, longestWaitMs } = tally
  const all = new Histogram()
  for (const { waits } of [tally.accounts, tally.others]) all.merge(waits.current())
  const slots = [...accounts.holders, ...others.holders, ...quarantined] as Slot[]
  return {
    running: accounts.running + others.running,
    waiting,
    providers: Object.fromEntries(
      Array.from(providers.values(), provider => [provider.name, usageOfProvider(provider)]),
    ),
    accounts: { ...usageOfSection(accounts, tally.accounts), quarantined: quarantined.size },
    others: usageOfSection(others, tally.others),
    limits,
    holders: slots.sort((a, b) => a.number - b.number).map(slot => holderOf(slot, now)),
    entered: tally.accounts.entered + tally.others.entered,
    timedOut: tally.accounts.timedOut + tally.others.timedOut,
    reclaimed,
    longestWaitMs,
    meanWaitMs: all.mean,
    p95WaitMs: all.percentile(0.95),
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

function usageOfSection(section: Section, { entered, timedOut, waits }: SectionTally): GateSectionUsage {
  const sites: Record<string, { running: number; waiting: number }> = {}
  let waiting = 0
  for (const [name, site] of section.sites) {
    waiting += site.waiting
    sites[name] = { running: site.running, waiting: site.waiting }
  }
  const meanWaitMs = waits.current().mean
  const p95WaitMs = waits.percentile(0.95)
  return { running: section.running, waiting, entered, timedOut, meanWaitMs, p95WaitMs, sites }
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
