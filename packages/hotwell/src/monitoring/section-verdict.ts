import type { GateSectionUsage } from '../tokens/acquisition-gate.ts'
import type { AcquisitionStatus } from '../tokens/failure.ts'

/** How a number of acquisitions ended: from history, or from what was counted since the start. */
export interface RecentAcquisitions {
  readonly total: number
  readonly byStatus: Readonly<Partial<Record<AcquisitionStatus, number>>>
  /** Mean, waits included. */
  readonly meanSeconds: number
}

/** In which direction limits should move, and which: the one over all, that of each site, or both. */
export interface Advice {
  readonly tiers: readonly ('whole' | 'each')[]
  readonly factor: number
  /** 0 to 1. */
  readonly confidence: number
}

interface Verdict {
  /** A whole sentence for people, with the figures that it rests on. */
  readonly verdict: string
  /** Undefined: the limits should stay. */
  readonly advice?: Advice
}

const leastAcquisitions = 20
/** Shares above which more at once makes things worse. */
const tooManyRejected = 0.02
const tooManyTimeouts = 0.1
/** A wait is worth an effort when it is a tenth of the acquisition, and a quarter of a second. */
const longWaitShare = 0.1
const longWaitSeconds = 0.25
const goodSuccess = 0.95

/** What is to be said of one section of the gate. Rejections and time-outs come first: waiting is the lesser evil. */
export function judge(
  seen: RecentAcquisitions,
  gate: GateSectionUsage,
  limits: { readonly whole: number; readonly each: number },
): Verdict {
  const { total, byStatus } = seen
  if (total < leastAcquisitions)
    return { verdict: `${acquisitions(total)} say too little; ${leastAcquisitions} are needed.` }
  // Half of what can be sure is sure at a hundred acquisitions, nine tenths at nine hundred.
  const evidence = total / (total + 100)
  const { rate_limited: rejected = 0, timeout: timeouts = 0 } = byStatus
  if (rejected / total > tooManyRejected) {
    const confidence = rounded(evidence * clear(rejected / total / tooManyRejected))
    return {
      verdict: `${rejected} of ${total} acquisitions were answered 429, ${percent(rejected / total)}: fewer at once are rejected less.`,
      advice: { tiers: ['whole', 'each'], factor: 0.5, confidence },
    }
  }
  if (timeouts / total > tooManyTimeouts) {
    const confidence = rounded(evidence * clear(timeouts / total / tooManyTimeouts) * 0.8)
    return {
      verdict: `${timeouts} of ${total} acquisitions timed out, ${percent(timeouts / total)}: fewer at once may be answered in time.`,
      advice: { tiers: ['whole', 'each'], factor: 0.75, confidence },
    }
  }
  return judgeWaits(seen, gate, limits, evidence)
}

function judgeWaits(
  { total, byStatus, meanSeconds }: RecentAcquisitions,
  { running, waiting, meanWaitMs, p95WaitMs, timedOut, sites }: GateSectionUsage,
  limits: { readonly whole: number; readonly each: number },
  evidence: number,
): Verdict {
  const meanWaitSeconds = meanWaitMs / 1000
  const waitsLong = meanWaitSeconds > Math.max(longWaitSeconds, meanSeconds * longWaitShare)
  // Who gave up is counted since the start: without anybody waiting it is an old story.
  if (!waitsLong && !(waiting > 0 && timedOut > 0))
    return { verdict: 'Nobody waits long and little is rejected: the limits fit.' }
  // Who gave up in the queue is a failure of the limits, not of the provider.
  const asked = total - Math.min(timedOut, byStatus.failed ?? 0)
  const successShare = asked === 0 ? 0 : (byStatus.success ?? 0) / asked
  if (successShare < goodSuccess)
    return {
      verdict: `Only ${percent(successShare)} of ${acquisitions(asked)} succeed: more at once would be no cure for waiting.`,
    }
  const isWholeFull = running >= limits.whole
  const isSiteFull = Object.values(sites).some(site => site.waiting > 0 && site.running >= limits.each)
  if (waiting > 0 && !isWholeFull && !isSiteFull)
    return {
      verdict: `${waiting} wait though no limit is reached: for their account, or for the rate that the provider allows.`,
    }
  const gaveUp = timedOut > 0 ? `; ${timedOut} gave up waiting since the start` : ''
  const verdict =
    `Acquisitions wait ${seconds(meanWaitSeconds)} in the mean for their turn, ${seconds(p95WaitMs / 1000)} at P95${gaveUp}, ` +
    `while ${percent(successShare)} of ${asked} succeed: more at once would wait less.`
  // While nothing is full the limit that they waited for can only be guessed.
  const certainty = isWholeFull || isSiteFull ? (timedOut > 0 ? 0.9 : 0.75) : 0.45
  const tiers: Advice['tiers'] = !isSiteFull ? ['whole'] : isWholeFull ? ['whole', 'each'] : ['each']
  return { verdict, advice: { tiers, factor: 1.5, confidence: rounded(evidence * certainty) } }
}

/** How clear a share is that exceeds its threshold so many times. */
function clear(times: number): number {
  return Math.min(1, 0.5 + times / 10)
}

function rounded(confidence: number): number {
  return Math.round(confidence * 100) / 100
}

function acquisitions(count: number): string {
  return count === 1 ? '1 acquisition' : `${count} acquisitions`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`
}

function seconds(value: number): string {
  return `${Number(value.toPrecision(2))} s`
}
