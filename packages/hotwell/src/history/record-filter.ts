import { type RawBuilder, sql } from 'kysely'
import type { AcquisitionTrigger } from '../tokens/acquisition-record.ts'
import type { AcquisitionStatus } from '../tokens/failure.ts'

/** Which records are looked at; what is left out does not matter. */
export interface RecordFilter {
  /** Only this provider. */
  readonly site?: string
  /** Only this subject. */
  readonly account?: string
  readonly kind?: string
  readonly status?: AcquisitionStatus
  readonly trigger?: AcquisitionTrigger
  /** Wall clock, in milliseconds: acquisitions that finished then or later. */
  readonly fromAt?: number
  /** Wall clock, in milliseconds: acquisitions that finished before that. */
  readonly toAt?: number
}

/** The filter as a condition. */
export function conditionOf(filter: RecordFilter): RawBuilder<unknown> {
  const { fromAt, toAt, site, kind, account, status, trigger } = filter
  const conditions: RawBuilder<unknown>[] = []
  if (fromAt !== undefined) conditions.push(sql`finished_at >= ${fromAt}`)
  if (toAt !== undefined) conditions.push(sql`finished_at < ${toAt}`)
  if (site !== undefined) conditions.push(sql`provider = ${site}`)
  if (kind !== undefined) conditions.push(sql`kind = ${kind}`)
  if (account !== undefined) conditions.push(sql`subject = ${account}`)
  if (status !== undefined) conditions.push(sql`status = ${status}`)
  // Said once more, because only then is the index of failures taken.
  if (status !== undefined && status !== 'success') conditions.push(sql`status <> 'success'`)
  if (trigger !== undefined) conditions.push(sql`"trigger" = ${trigger}`)
  return conditions.length === 0 ? sql`1 = 1` : sql.join(conditions, sql` and `)
}
