import { query } from './query.ts'
import type { ServerClient } from './server-client.ts'

export interface HistoryFilter {
  site?: string
  account?: string
  kind?: string
  status?: string
  trigger?: string
  /** RFC 3339. */
  from?: string
  to?: string
  limit?: number
  cursor?: string
}

/** One acquisition as the server tells of it. */
export interface HistoryRecordReply {
  id: string
  ref: string
  status: string
  trigger: string
  attempts: number
  totalMs: number
  queueWaitMs: number
  errorMessage?: string | null
  finishedAt: string
}

export interface HistoryPage {
  records: HistoryRecordReply[]
  nextCursor?: string | null
}

interface OutcomeReply {
  total: number
  successes: number
  successRate: number
  meanSeconds: number
}

export interface HistoryStatisticsReply extends OutcomeReply {
  fromAt: string
  toAt: string
  byStatus: Record<string, number>
  bySite: (OutcomeReply & { site: string })[]
  byDay: (OutcomeReply & { day: string })[]
  byAccount: (OutcomeReply & {
    site: string
    kind: string
    account: string
    p50Seconds: number
    p95Seconds: number
    lastSuccessAt?: string | null
  })[]
}

/** What the history and the clean-up ask a server. */
export function historyRequests(client: ServerClient) {
  const history = '/api/v1/history'
  return {
    search: (filter: HistoryFilter) => client.get<HistoryPage>(history + query({ ...filter })),
    statistics: (filter: { days?: number; site?: string; account?: string }) =>
      client.get<HistoryStatisticsReply>(`${history}/statistics${query(filter)}`),
    purge: (days: number) => client.delete<{ deleted: number }>(history + query({ days })),
  }
}
