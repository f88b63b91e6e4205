/** What is known of an account's logins. */
export interface LoginRecord {
  readonly successes: number
  readonly failures: number
  /** Wall clock, ms. */
  readonly lastSuccessAt?: number
}

const hourMs = 3_600_000
const mostForRecency = 100
const mostForSuccesses = 50
const mostForRate = 20
const rateOfNew = 0.5

/**
 * How good an account is to log in with, 0 to 170: 100 less an hour's point since its last success, one for each success
 * up to 50, and 20 times its success rate. One that was never used has 10.
 */
export function scoreAt(record: LoginRecord, now: number): number {
  const { successes, lastSuccessAt } = record
  const recency = lastSuccessAt === undefined ? 0 : mostForRecency - Math.max(0, now - lastSuccessAt) / hourMs
  const rate = successRateOf(record) ?? rateOfNew
  return Math.max(0, recency) + Math.min(mostForSuccesses, successes) + mostForRate * rate
}

/** 0 to 1; undefined before the first outcome. */
export function successRateOf({ successes, failures }: LoginRecord): number | undefined {
  const logins = successes + failures
  return logins === 0 ? undefined : successes / logins
}
