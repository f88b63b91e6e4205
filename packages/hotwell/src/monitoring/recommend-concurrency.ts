import type { GateUsage } from '../tokens/acquisition-gate.ts'
import type { AcquisitionStatus } from '../tokens/failure.ts'

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

/** How a number of acquisitions ended: from history, or from what was counted since the start. */
export interface RecentAcquisitions {
  readonly total: number
  readonly byStatus: Readonly<Partial<Record<AcquisitionStatus, number>>>
  /** Mean, waits included. */
  readonly meanSeconds: number
}

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
}

export interface ConcurrencyAdvice {
  /** Empty while the limits fit what was seen, or too little was. */
  readonly recommendations: readonly ConcurrencyRecommendation[]
  readonly logins: SectionOutlook
  readonly others: SectionOutlook
}

const leastAcquisitions = 20
/** Shares above which more at once makes things worse. */
const tooManyRejected = 0.02
const tooManyTimeouts = 0.1
/** A wait is worth an effort when it is a tenth of the acquisition, and a quarter of a second. */
const longWaitShare = 0.1
const longWaitSeconds = 0.25
const goodSuccess = 0.95

/** Reasons from what was seen to better limits. Nothing is changed. */
export function recommendConcurrency({ usage, logins, others, bounds = {} }: ConcurrencyQuestion): ConcurrencyAdvice {
  const sections = [
    { seen: logins, gate: usage.accounts, whole: 'maxConcurrentAcquisitions', each: 'maxConcurrentPerSite' },
    { seen: others, gate: usage.others, whole: 'maxConcurrentOther', each: 'maxConcurrentPerProvider' },
  ] as const
  const recommendations = sections.flatMap(({ seen, gate, whole, each }) => {
    const outlook = outlookOf(seen, gate, usage.limits[whole])
    const advice = adviceOn(seen, outlook)
    if (!advice) return []
    // One site that is full holds back its own; otherwise it is the limit over all.
    const fullSite = Object.values(gate.sites).some(site => site.waiting > 0 && site.running >= usage.limits[each])
    const isWholeFull = gate.running >= usage.limits[whole]
    const fields = advice.factor < 1 ? [whole, each] : fullSite && !isWholeFull ? [each] : [whole]
    return fields.flatMap(field => moved(field, usage.limits[field], advice, bounds[field]))
  })
  return {
    recommendations,
    logins: outlookOf(logins, usage.accounts, usage.limits.maxConcurrentAcquisitions),
    others: outlookOf(others, usage.others, usage.limits.maxConcurrentOther),
  }
}

interface Advice {
  readonly factor: number
  readonly reason: string
  readonly confidence: number
}

function outlookOf(seen: RecentAcquisitions, gate: GateUsage['others'], limit: number): SectionOutlook {
  const { total, byStatus } = seen
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

function adviceOn({ total, byStatus, meanSeconds }: RecentAcquisitions, outlook: SectionOutlook): Advice | undefined {
  if (total < leastAcquisitions) return undefined
  const { rateLimitedShare, failureShare, meanWaitSeconds, p95WaitSeconds, queueTimeouts } = outlook
  // Half of what can be sure is sure at a hundred acquisitions, nine tenths at nine hundred.
  const evidence = total / (total + 100)
  if (rateLimitedShare > tooManyRejected) {
    const reason = `${byStatus.rate_limited} of ${total} acquisitions were answered 429, ${percent(rateLimitedShare)}: fewer at once are rejected less.`
    return { factor: 0.5, reason, confidence: rounded(evidence * clear(rateLimitedShare / tooManyRejected)) }
  }
  const timeoutShare = (byStatus.timeout ?? 0) / total
  if (timeoutShare > tooManyTimeouts) {
    const reason = `${byStatus.timeout} of ${total} acquisitions timed out, ${percent(timeoutShare)}: fewer at once may be answered in time.`
    return { factor: 0.75, reason, confidence: rounded(evidence * clear(timeoutShare / tooManyTimeouts) * 0.8) }
  }
  const waitsLong = meanWaitSeconds > Math.max(longWaitSeconds, meanSeconds * longWaitShare)
  if ((!waitsLong && queueTimeouts === 0) || failureShare > 1 - goodSuccess) return undefined
  const gaveUp = queueTimeouts > 0 ? `; ${queueTimeouts} gave up waiting` : ''
  const reason =
    `Acquisitions wait ${seconds(meanWaitSeconds)} in the mean for their turn, ${seconds(p95WaitSeconds)} at P95${gaveUp}, ` +
    `while ${percent(1 - failureShare)} of ${total} succeed: more at once would wait less.`
  return { factor: 1.5, reason, confidence: rounded(evidence * (queueTimeouts > 0 ? 0.9 : 0.75)) }
}

function moved(
  field: TunableLimit,
  current: number,
  { factor, reason, confidence }: Advice,
  { min = 1, max = current * 4 }: { min?: number; max?: number } = {},
): ConcurrencyRecommendation[] {
  if (!Number.isFinite(current)) return []
  const wished = factor < 1 ? Math.floor(current * factor) : Math.ceil(current * factor)
  const recommended = Math.max(1, min, Math.min(max, wished))
  // Bounds may lie beyond where it stands: it is not moved against the advice to get there.
  if (recommended === current || recommended > current !== factor > 1) return []
  return [{ field, current, recommended, reason, confidence }]
}

/** How clear a share is that exceeds its threshold so many times. */
function clear(times: number): number {
  return Math.min(1, 0.5 + times / 10)
}

function rounded(confidence: number): number {
  return Math.round(confidence * 100) / 100
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`
}

function seconds(value: number): string {
  return `${Number(value.toPrecision(2))} s`
}
