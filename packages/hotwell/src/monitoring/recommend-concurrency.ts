import type { GateSectionUsage, GateUsage } from '../tokens/acquisition-gate.ts'
import { type Advice, judge, type RecentAcquisitions } from './section-verdict.ts'

/** The limits that are recommended on; one login at a time with one account is not a matter of speed. */
export const tunableLimits = [
  'maxConcurrentAcquisitions',
  'maxConcurrentPerSite',
  'maxConcurrentOther',
  'maxConcurrentPerProvider',
] as const
export type TunableLimit = (typeof tunableLimits)[number]

/** How far a limit may be moved, both ends included. */
export type LimitBounds = Readonly<Partial<Record<TunableLimit, { readonly min?: number; readonly max?: number }>>>

export interface ConcurrencyQuestion {
  readonly usage: GateUsage
  /** Of kind `account`. */
  readonly logins: RecentAcquisitions
  /** Of all other kinds. */
  readonly others: RecentAcquisitions
  /** @default from 1 to four times the limit in force */
  readonly bounds?: LimitBounds
}

export interface ConcurrencyRecommendation {
  readonly field: TunableLimit
  readonly current: number
  readonly recommended: number
  /** Whole sentences for people, with the figures that it rests on. */
  readonly reason: string
  /** 0 to 1: grows with the number of acquisitions it rests on and with how clear they are. */
  readonly confidence: number
}

/** What one section of the gate looks like: logins, or everything else. */
export interface SectionOutlook {
  readonly acquisitions: number
  /** Running now, as a share of the limit. */
  readonly utilisation: number
  readonly meanWaitSeconds: number
  readonly p95WaitSeconds: number
  readonly queueTimeouts: number
  /** Shares of all acquisitions, 0 to 1. */
  readonly rateLimitedShare: number
  readonly failureShare: number
  /** A whole sentence for people: why its limits should move, or why not. */
  readonly verdict: string
}

export interface ConcurrencyAdvice {
  /** Empty while the limits fit what was seen, or too little was; the verdicts tell. */
  readonly recommendations: readonly ConcurrencyRecommendation[]
  readonly logins: SectionOutlook
  readonly others: SectionOutlook
}

/** Reasons from what was seen to better limits. Nothing is changed. */
export function recommendConcurrency({ usage, logins, others, bounds = {} }: ConcurrencyQuestion): ConcurrencyAdvice {
  const section = (
    seen: RecentAcquisitions,
    gate: GateSectionUsage,
    [whole, each]: readonly [TunableLimit, TunableLimit],
  ): { outlook: SectionOutlook; moves: ConcurrencyRecommendation[] } => {
    const limits = { whole: usage.limits[whole], each: usage.limits[each] }
    const { verdict, advice } = judge(seen, gate, limits)
    const moves = advice
      ? advice.tiers.flatMap(tier => {
          const field = tier === 'whole' ? whole : each
          return moved(field, usage.limits[field], { ...advice, reason: verdict }, bounds[field])
        })
      : []
    return { outlook: { ...figuresOf(seen, gate, limits.whole), verdict }, moves }
  }
  const ofLogins = section(logins, usage.accounts, ['maxConcurrentAcquisitions', 'maxConcurrentPerSite'])
  const ofOthers = section(others, usage.others, ['maxConcurrentOther', 'maxConcurrentPerProvider'])
  return {
    recommendations: [...ofLogins.moves, ...ofOthers.moves],
    logins: ofLogins.outlook,
    others: ofOthers.outlook,
  }
}

function figuresOf(
  { total, byStatus }: RecentAcquisitions,
  gate: GateSectionUsage,
  limit: number,
): Omit<SectionOutlook, 'verdict'> {
  const share = (count = 0) => (total === 0 ? 0 : count / total)
  return {
    acquisitions: total,
    utilisation: Number.isFinite(limit) ? gate.running / limit : 0,
    meanWaitSeconds: gate.meanWaitMs / 1000,
    p95WaitSeconds: gate.p95WaitMs / 1000,
    queueTimeouts: gate.timedOut,
    rateLimitedShare: share(byStatus.rate_limited),
    failureShare: share(total - (byStatus.success ?? 0)),
  }
}
function moved(
  field: TunableLimit,
  current: number,
  { factor, reason, confidence }: Pick<Advice, 'factor' | 'confidence'> & { reason: string },
  { min = 1, max = current * 4 }: { min?: number; max?: number } = {},
): ConcurrencyRecommendation[] {
  if (!Number.isFinite(current)) return []
  const wished = factor < 1 ? Math.floor(current * factor) : Math.ceil(current * factor)
  const recommended = Math.max(1, min, Math.min(max, wished))
  // Bounds may lie beyond where it stands: it is not moved against the advice to get there.
  if (recommended === current || recommended > current !== factor > 1) return []
  return [{ field, current, recommended, reason, confidence }]
}
