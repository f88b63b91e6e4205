import type { BarFacts } from './account-facts.ts'
import type { BarRow } from './account-row.ts'

const hourMs = 3_600_000
/** The fourth wrong password in a row bars for good. */
const credentialBarsMs = [hourMs, 2 * hourMs, 4 * hourMs]

/** How long the n-th wrong password in a row bars an account, in ms; undefined: until a person or a new credential. */
export function credentialBarMs(errors: number): number | undefined {
  return credentialBarsMs[errors - 1]
}

export function barFactsOf({ site, account, cause, reason, barred_at, until }: BarRow): BarFacts {
  return { site, account, cause, reason, barredAt: barred_at, ...(until !== null && { until }) }
}

/** The bar that lasts longest of those that are not over; a manual one before an equal one. */
export function longestBar(bars: readonly BarRow[], now: number): BarRow | undefined {
  return bars
    .filter(({ until }) => until === null || until > now)
    .sort((a, b) => lastsUntil(b) - lastsUntil(a) || (a.cause === 'manual' ? -1 : 1))[0]
}

/** A number also for a bar without an end, since two of those have to compare as equal. */
function lastsUntil({ until }: BarRow): number {
  return until ?? Number.MAX_VALUE
}
