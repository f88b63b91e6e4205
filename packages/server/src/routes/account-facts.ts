import type { AccountFacts, BarFacts } from 'hotwell/accounts'
import type { AccountReply, BarReply } from './account-schemas.ts'
import { instant } from './instant.ts'

/** What is known of an account as it goes over HTTP: instants in RFC 3339, and null where nothing is to say. */
export function accountReply(facts: AccountFacts): AccountReply {
  const { lastSuccessAt, lastUsedAt, coolingUntil, bar, budget, createdAt, updatedAt, ...rest } = facts
  return {
    ...rest,
    lastSuccessAt: instant(lastSuccessAt),
    lastUsedAt: instant(lastUsedAt),
    coolingUntil: instant(coolingUntil),
    bar: bar ? { ...bar, until: instant(bar.until) } : null,
    budget: { ...budget, nextAt: instant(budget.nextAt) },
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  }
}

export function barReply({ site, account, cause, reason, barredAt, until }: BarFacts): BarReply {
  return { site, account, cause, reason, barredAt: new Date(barredAt).toISOString(), until: instant(until) }
}
