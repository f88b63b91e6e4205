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

function loginsOf({ row: { successes, failures, last_success_at: lastSuccessAt } }: AccountRecord) {
  return { successes, failures, ...(lastSuccessAt !== null && { lastSuccessAt }) }
}
