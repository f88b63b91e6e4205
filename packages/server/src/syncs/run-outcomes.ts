import { HotwellError, type Logger, type TokenManager } from 'hotwell'
import type { RunReport } from 'hotwell/monitoring'
import type { DeadLetterPage } from '../workers/messages.ts'
import { hotwellError } from '../workers/plain-error.ts'
import type { SyncPlan } from '../workers/sync-plan.ts'
import type { RunBook } from './run-book.ts'
import type { RunRecord } from './run-record.ts'
import { SyncThread } from './sync-thread.ts'

/** @throws HotwellError `not_found` */
export async function reportOf({ id, state, work }: RunRecord, book: RunBook): Promise<RunReport> {
  const report = await book.report(id)
  if (report) return report
  const why = work.kind === 'verify' ? 'it is a comparison' : `it is ${state}`
  throw new HotwellError('not_found', `There is no report of the run ${id}: ${why}.`)
}

/** @throws HotwellError what the target says */
export async function deadLettersOf(plan: SyncPlan, limit: number, tokens: TokenManager): Promise<DeadLetterPage> {
  const { deadLetters, error } = await new SyncThread(plan, { kind: 'dead-letters', limit }, tokens).outcome
  if (deadLetters) return deadLetters
  throw error ? hotwellError(error) : new HotwellError('closed', 'The server is closing.')
}

export function logEnd({ sync, id, state, error, stats }: RunRecord, log: Logger): void {
  const fields = { sync, run: id, state, ...(error && { code: error.code }), ...(stats && { records: stats.total }) }
  if (state === 'failed') log.warn(fields, `A run of the sync "${sync}" failed: ${error?.message}`)
  else log.info(fields, `A run of the sync "${sync}" is ${state}`)
}
