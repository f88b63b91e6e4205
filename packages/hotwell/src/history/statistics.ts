import { type Kysely, sql } from 'kysely'
import type { AcquisitionStatus } from '../tokens/failure.ts'
import { conditionOf, type RecordFilter } from './record-filter.ts'

const dayMs = 86_400_000

/** What {@link readStatistics} looks at. */
export interface StatisticsQuery extends RecordFilter {
  readonly fromAt: number
  readonly toAt: number
  /** At most so many accounts are listed, those with most acquisitions first. */
  readonly accounts: number
}

/** What a number of acquisitions came to. */
export interface Outcome {
  readonly total: number
  readonly successes: number
  /** 0 to 1; 0 when there were none. */
  readonly successRate: number
  /** Mean duration, waits included, failed ones included; 0 when there were none. */
  readonly meanSeconds: number
}

export interface SiteOutcome extends Outcome {
  /** The provider. */
  readonly site: string
}

export interface DayOutcome extends Outcome {
  /** The day in UTC, `2026-01-31`. */
  readonly day: string
}

/** How one account did. */
export interface AccountPerformance extends Outcome {
  readonly site: string
  readonly kind: string
  /** The subject. */
  readonly account: string
  /** How often the provider was asked, retries included. */
  readonly attempts: number
  readonly p50Seconds: number
  readonly p95Seconds: number
  /** Wall clock, in milliseconds; absent when none succeeded in this time. */
  readonly lastSuccessAt?: number
  /** Likewise, of the last that failed. */
  readonly lastFailureAt?: number
}

export interface HistoryStatistics extends Outcome {
  readonly fromAt: number
  readonly toAt: number
  readonly byStatus: Readonly<Partial<Record<AcquisitionStatus, number>>>
  /** Sites with most acquisitions first. */
  readonly bySite: readonly SiteOutcome[]
  /** Oldest day first; a day without any is left out. */
  readonly byDay: readonly DayOutcome[]
  /** Accounts with most acquisitions first. */
  readonly byAccount: readonly AccountPerformance[]
}

/** All figures of one query. What another process writes meanwhile may be in some of them and not in others. */
export async function readStatistics(database: Kysely<unknown>, query: StatisticsQuery): Promise<HistoryStatistics> {
  return {
    fromAt: query.fromAt,
    toAt: query.toAt,
    ...(await readOutcome(database, query)),
    byStatus: await countByStatus(database, query),
    bySite: await outcomesBySite(database, query),
    byDay: await outcomesByDay(database, query),
    byAccount: await performanceByAccount(database, query),
  }
}

interface OutcomeRow {
  total: number
  successes: number
  mean_ms: number | null
}

const outcome = sql`count(*) as total, count(case when status = 'success' then 1 end) as successes,
  avg(total_ms) as mean_ms`

async function readOutcome(database: Kysely<unknown>, query: StatisticsQuery): Promise<Outcome> {
  const { rows } = await sql<OutcomeRow>`
    select ${outcome} from acquisitions where ${conditionOf(query)}`.execute(database)
  return outcomeOf(rows[0]!)
}

async function countByStatus(
  database: Kysely<unknown>,
  query: StatisticsQuery,
): Promise<Partial<Record<AcquisitionStatus, number>>> {
  const { rows } = await sql<{ status: AcquisitionStatus; total: number }>`
    select status, count(*) as total from acquisitions where ${conditionOf(query)}
    group by status order by total desc, status`.execute(database)
  return Object.fromEntries(rows.map(row => [row.status, row.total]))
}

async function outcomesBySite(database: Kysely<unknown>, query: StatisticsQuery): Promise<SiteOutcome[]> {
  const { rows } = await sql<OutcomeRow & { provider: string }>`
    select provider, ${outcome} from acquisitions where ${conditionOf(query)}
    group by provider order by total desc, provider`.execute(database)
  return rows.map(row => ({ site: row.provider, ...outcomeOf(row) }))
}

async function outcomesByDay(database: Kysely<unknown>, query: StatisticsQuery): Promise<DayOutcome[]> {
  const { rows } = await sql<OutcomeRow & { day: number }>`
    select finished_at / ${sql.lit(dayMs)} as day, ${outcome} from acquisitions where ${conditionOf(query)}
    group by day order by day`.execute(database)
  return rows.map(row => ({ day: new Date(row.day * dayMs).toISOString().slice(0, 10), ...outcomeOf(row) }))
}

interface AccountRow extends OutcomeRow {
  provider: string
  kind: string
  subject: string
  attempts: number
  p50_ms: number | null
  p95_ms: number | null
  last_success_at: number | null
  last_failure_at: number | null
}

/** Percentiles by nearest rank: the smallest duration that this share does not exceed. */
async function performanceByAccount(database: Kysely<unknown>, query: StatisticsQuery): Promise<AccountPerformance[]> {
  const account = sql`provider, kind, subject`
  const { rows } = await sql<AccountRow>`
    with ranked as (
      select ${account}, status, attempts, total_ms, finished_at,
        row_number() over (partition by ${account} order by total_ms) as place,
        count(*) over (partition by ${account}) as places
      from acquisitions where ${conditionOf(query)} and subject is not null
    )
    select ${account}, ${outcome}, sum(attempts) as attempts,
      min(case when place >= 0.5 * places then total_ms end) as p50_ms,
      min(case when place >= 0.95 * places then total_ms end) as p95_ms,
      max(case when status = 'success' then finished_at end) as last_success_at,
      max(case when status <> 'success' then finished_at end) as last_failure_at
    from ranked group by ${account} order by total desc, ${account} limit ${query.accounts}`.execute(database)
  return rows.map(row => ({
    site: row.provider,
    kind: row.kind,
    account: row.subject,
    ...outcomeOf(row),
    attempts: row.attempts,
    p50Seconds: (row.p50_ms ?? 0) / 1000,
    p95Seconds: (row.p95_ms ?? 0) / 1000,
    lastSuccessAt: row.last_success_at ?? undefined,
    lastFailureAt: row.last_failure_at ?? undefined,
  }))
}

function outcomeOf({ total, successes, mean_ms }: OutcomeRow): Outcome {
  return { total, successes, successRate: total === 0 ? 0 : successes / total, meanSeconds: (mean_ms ?? 0) / 1000 }
}
