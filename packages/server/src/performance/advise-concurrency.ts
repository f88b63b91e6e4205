import type { AcquisitionStatus, TokenManager } from 'hotwell'
import type { History } from 'hotwell/history'
import { type ConcurrencyAdvice, type RecentAcquisitions, recommendConcurrency } from 'hotwell/monitoring'
import type { GateTuning } from './gate-tuning.ts'

interface Sums {
  byStatus: Partial<Record<AcquisitionStatus, number>>
  totalSeconds: number
}

/** Advice on the limits of the gate, from so many days of history; without history from what was counted since the start. */
export async function adviseConcurrency(
  { tokens, history, tuning }: { tokens: TokenManager; history: History | undefined; tuning: GateTuning },
  days: number,
): Promise<ConcurrencyAdvice> {
  const { logins, others } = history ? await fromHistory(history, days) : fromCounters(tokens)
  return recommendConcurrency({ usage: tokens.gateUsage(), logins, others, bounds: tuning.bounds })
}

async function fromHistory(history: History, days: number) {
  await history.flush()
  const [all, logins] = await Promise.all([
    history.statistics({ days, accounts: 0 }),
    history.statistics({ days, accounts: 0, kind: 'account' }),
  ])
  const sums = ({ byStatus, total, meanSeconds }: typeof all): Sums => ({ byStatus, totalSeconds: total * meanSeconds })
  return { logins: summary(sums(logins)), others: summary(without(sums(all), sums(logins))) }
}

function fromCounters(tokens: TokenManager) {
  const logins: Sums = { byStatus: {}, totalSeconds: 0 }
  const others: Sums = { byStatus: {}, totalSeconds: 0 }
  for (const { kind, counts, durations } of tokens.statistics?.figures() ?? []) {
    const sums = kind === 'account' ? logins : others
    sums.totalSeconds += durations.sumSeconds
    for (const { status, count } of counts) sums.byStatus[status] = (sums.byStatus[status] ?? 0) + count
  }
  return { logins: summary(logins), others: summary(others) }
}

/** What was written between the two readings may be in one of them alone. */
function without(all: Sums, some: Sums): Sums {
  const entries = Object.entries(all.byStatus) as [AcquisitionStatus, number][]
  const left = entries.map(([status, count]) => [status, Math.max(0, count - (some.byStatus[status] ?? 0))])
  return { byStatus: Object.fromEntries(left), totalSeconds: Math.max(0, all.totalSeconds - some.totalSeconds) }
}

function summary({ byStatus, totalSeconds }: Sums): RecentAcquisitions {
  const total = Object.values(byStatus).reduce((sum, count) => sum + count, 0)
  return { total, byStatus, meanSeconds: total === 0 ? 0 : totalSeconds / total }
}
