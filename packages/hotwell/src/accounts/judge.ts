import type { AccountCandidate } from '../tokens/account-source.ts'
import type { AccountFacts } from './account-facts.ts'
import type { AccountRecord, BarRow } from './account-row.ts'
import { longestBar } from './blacklist.ts'
import type { LockoutBudget } from './lockout-budget.ts'
import { spentBudgetOf } from './login-journal.ts'
import { scoreAt, successRateOf } from './score.ts'

/** What else is known of an account at an instant. */
export interface Circumstances {
  /** Of this account; those that are over included. */
  readonly bars: readonly BarRow[]
  readonly coolingUntil: number | undefined
  readonly budget: LockoutBudget
  /** Wall clock, ms. */
  readonly now: number
}

export function factsOf(record: AccountRecord, { bars, coolingUntil, budget, now }: Circumstances): AccountFacts {
  const { row } = record
  const { spent, open, nextAt } = spentBudgetOf(record, budget, now)
  const bar = longestBar(bars, now)
  return {
    site: row.site,
    account: row.account,
    username: row.username,
    credentialId: row.credential_id,
    state: bar ? 'barred' : !open ? 'spent' : coolingUntil !== undefined ? 'cooling' : 'available',
    score: scoreAt(loginsOf(record), now),
    successes: row.successes,
    failures: row.failures,
    successRate: successRateOf(row) ?? 0,
    ...(row.last_success_at !== null && { lastSuccessAt: row.last_success_at }),
    ...(row.last_used_at !== null && { lastUsedAt: row.last_used_at }),
    ...(coolingUntil !== undefined && { coolingUntil }),
    ...(bar && {
      bar: { cause: bar.cause, reason: bar.reason, ...(bar.until !== null && { until: bar.until }) },
    }),
    budget: {
      tries: budget.tries,
      spent,
      windowSeconds: budget.windowMs / 1000,
      ...(nextAt !== undefined && { nextAt }),
    },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/**
 * The accounts that are not barred: those with a try left before those without, then the preferred one, then the
 * higher score, then the one that was used longest ago.
 */
export function rank(
  records: readonly AccountRecord[],
  circumstancesOf: (record: AccountRecord) => Circumstances,
  preferred: string | undefined,
): AccountCandidate[] {
  const ranked = records.flatMap(record => {
    const { bars, coolingUntil, budget, now } = circumstancesOf(record)
    if (longestBar(bars, now)) return []
    const { open, nextAt } = spentBudgetOf(record, budget, now)
    const { account, last_used_at: usedAt } = record.row
    // Where only a person can help, an end that callers can reckon with: then it is asked again.
    const spentUntil = open ? undefined : (nextAt ?? now + budget.windowMs)
    const until = Math.max(coolingUntil ?? 0, spentUntil ?? 0)
    const candidate = { account, score: scoreAt(loginsOf(record), now), ...(until > 0 && { coolingUntil: until }) }
    return [{ candidate, open, usedAt: usedAt ?? 0 }]
  })
  ranked.sort(
    (a, b) =>
      Number(b.open) - Number(a.open) ||
      Number(b.candidate.account === preferred) - Number(a.candidate.account === preferred) ||
      b.candidate.score - a.candidate.score ||
      a.usedAt - b.usedAt ||
      (a.candidate.account < b.candidate.account ? -1 : 1),
  )
  return ranked.map(({ candidate }) => candidate)
}

function loginsOf({ row: { successes, failures, last_success_at: lastSuccessAt } }: AccountRecord) {
  return { successes, failures, ...(lastSuccessAt !== null && { lastSuccessAt }) }
}
