import type { AccountCandidate } from '../tokens/account-source.ts'
import type { BarRow } from './account-row.ts'
import { longestBar } from './blacklist.ts'
import type { CoolDowns } from './cool-downs.ts'
import type { LockoutBudget } from './lockout-budget.ts'
import { spentBudgetOf } from './login-journal.ts'
import { scoreAt } from './score.ts'
import type { SiteRecords } from './site-records.ts'

/** What the order of a site's accounts depends on. */
export interface RankInput {
  readonly records: SiteRecords
  /** Of the site; those that are over included. */
  readonly bars: readonly BarRow[]
  readonly site: string
  readonly coolDowns: CoolDowns
  readonly budget: LockoutBudget
  /** Wall clock, ms. */
  readonly now: number
}

interface Ranked {
  readonly candidate: AccountCandidate
  /** Whether it has a try left. */
  readonly open: boolean
  readonly usedAt: number
}

interface Ranking extends Pick<RankInput, 'bars' | 'now'> {
  readonly version: number
  readonly coolDownChanges: number
  readonly ranked: readonly Ranked[]
  readonly candidates: readonly AccountCandidate[]
  /** The first end of a bar, a cool-down or a spent budget; a minute at most. */
  readonly endsAt: number
}

/** Scores change by a point an hour: what is a minute old is as good. */
const longestMs = 60_000

/** Puts the accounts of sites in order, and keeps that while nothing changes: each lookup by a selector asks for it. */
export class Rankings {
  readonly #rankings = new WeakMap<SiteRecords, Ranking>()

  candidates(input: RankInput, preferred: string | undefined): readonly AccountCandidate[] {
    const known = this.#rankings.get(input.records)
    const ranking = known && isValid(known, input) ? known : rank(input)
    this.#rankings.set(input.records, ranking)
    return preferred === undefined ? ranking.candidates : preferring(ranking, preferred)
  }
}

function isValid({ version, coolDownChanges, ...former }: Ranking, { records, bars, coolDowns, now }: RankInput) {
  const same = version === records.version && coolDownChanges === coolDowns.changes && bars === former.bars
  return same && now >= former.now && now < former.endsAt
}

/**
 * The accounts that are not barred: those with a try left before those without, then the higher score, then the one
 * that was used longest ago.
 */
function rank({ site, records, bars, coolDowns, budget, now }: RankInput): Ranking {
  const barsOf = Map.groupBy(bars, ({ account }) => account)
  const coolingUntil = coolDowns.untilOf(site)
  let endsAt = now + longestMs
  const until = (instant: number) => {
    if (instant > now && instant < endsAt) endsAt = instant
    return instant
  }
  const ranked: Ranked[] = []
  for (const record of records.values()) {
    const { account, successes, failures, last_success_at, last_used_at } = record.row
    const bar = longestBar(barsOf.get(account) ?? [], now)
    if (bar) {
      until(bar.until ?? Infinity)
      continue
    }
    const { open, nextAt } = spentBudgetOf(record, budget, now)
    // Where only a person can help, an end that callers can reckon with: then it is asked again.
    const spentUntil = open ? 0 : (nextAt ?? now + budget.windowMs)
    const cooling = until(Math.max(until(coolingUntil.get(account) ?? 0), until(spentUntil)))
    const score = scoreAt({ successes, failures, lastSuccessAt: last_success_at ?? undefined }, now)
    const candidate = cooling > 0 ? { account, score, coolingUntil: cooling } : { account, score }
    ranked.push({ candidate, open, usedAt: last_used_at ?? 0 })
  }
  ranked.sort(better)
  const candidates = Object.freeze(ranked.map(({ candidate }) => candidate))
  return { version: records.version, coolDownChanges: coolDowns.changes, bars, now, ranked, candidates, endsAt }
}

function better(a: Ranked, b: Ranked): number {
  if (a.open !== b.open) return a.open ? -1 : 1
  if (a.candidate.score !== b.candidate.score) return b.candidate.score - a.candidate.score
  if (a.usedAt !== b.usedAt) return a.usedAt - b.usedAt
  return a.candidate.account < b.candidate.account ? -1 : 1
}

/** The preferred one first of those with a try left, or first of those without. */
function preferring({ ranked, candidates }: Ranking, preferred: string): readonly AccountCandidate[] {
  const at = candidates.findIndex(({ account }) => account === preferred)
  if (at < 0) return candidates
  const first = ranked[at]!.open ? 0 : ranked.findIndex(({ open }) => !open)
  return candidates.toSpliced(at, 1).toSpliced(first, 0, candidates[at]!)
}
