import { query } from '../client/query.ts'
import type { ServerClient } from '../client/server-client.ts'
import type { SyncPerformanceReply } from '../routes/performance-syncs.ts'
import type { RunReportReply } from '../routes/run-report.ts'
import type { RunReply } from '../routes/run-schemas.ts'
import type { DeadLettersReply } from '../routes/sync-dead-letters.ts'
import type { SyncReply } from '../routes/sync-schemas.ts'

export interface RunRequest {
  mode?: 'full' | 'incremental'
  part?: { elements: string[] } | { subtree: string; depth?: number } | { only: 'relations' | 'attributes' }
  allowDeletes?: boolean
}

/** What the sync commands ask a server. */
export function syncRequests(client: ServerClient) {
  const at = (name: string) => `/api/v1/syncs/${encodeURIComponent(name)}`
  const runAt = (id: string) => `/api/v1/runs/${encodeURIComponent(id)}`
  return {
    list: () => client.get<{ syncs: SyncReply[] }>('/api/v1/syncs'),
    get: (name: string) => client.get<SyncReply>(at(name)),
    runs: (name: string, limit: number) =>
      client.get<{ runs: RunReply[]; nextCursor: string | null }>(`${at(name)}/runs${query({ limit })}`),
    start: (name: string, request: RunRequest) => client.post<RunReply>(`${at(name)}/runs`, request),
    verify: (name: string, request: { repair?: boolean; listed?: number; allowDeletes?: boolean }) =>
      client.post<RunReply>(`${at(name)}/verify`, request),
    deadLetters: (name: string, limit: number) =>
      client.get<DeadLettersReply>(`${at(name)}/dead-letters${query({ limit })}`),
    report: (id: string) => client.get<RunReportReply>(`${runAt(id)}/report`),
    performance: () => client.get<SyncPerformanceReply>('/api/v1/performance/syncs'),
    run: (id: string) => client.get<RunReply>(runAt(id)),
    act: (id: string, action: 'pause' | 'resume' | 'cancel' | 'retry') =>
      client.post<RunReply>(`${runAt(id)}/${action}`),
  }
}

export type SyncRequests = ReturnType<typeof syncRequests>

const idForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function isRunId(text: string): boolean {
  return idForm.test(text)
}
