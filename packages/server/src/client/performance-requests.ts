import { query } from './query.ts'
import type { ServerClient } from './server-client.ts'

export type HealthState = 'healthy' | 'warning' | 'degraded' | 'unhealthy'

export interface AlertReply {
  rule: string
  severity: 'low' | 'medium' | 'high'
  value: number
  threshold: number
  message: string
  sinceAt: string
}

export interface HealthReply {
  state: HealthState
  alerts: AlertReply[]
  anomalies: { message?: string; [fact: string]: unknown }[]
  checkedAt: string
}

export interface MetricsReply {
  totalAcquisitions: number
  successful: number
  failed: number
  successRate: number
  avgDurationSeconds: number
  p95Seconds: number
  timeouts: number
  networkErrors: number
  captchaErrors: number
  credentialErrors: number
  concurrent: number
  cacheHitRate: number
}

export interface CleanupReply {
  expiredBars: number
  settledReservations: number
  [dropped: string]: unknown
}

export interface WarmUpReply {
  warm: string[]
  failed: { ref: string; code: string; message: string }[]
  pending: string[]
  progress: { secondsLeft: number | null }
}

export interface RecommendationReply {
  field: string
  current: number
  recommended: number
  reason: string
  confidence: number
}

export interface ConcurrencyReply {
  recommendations: RecommendationReply[]
  logins?: { verdict: string }
  others?: { verdict: string }
  applied?: boolean
  changeId?: string | null
}

/** What `hotwell optimize` asks a server. */
export function performanceRequests(client: ServerClient) {
  const performance = '/api/v1/performance'
  return {
    health: () => client.get<HealthReply>(`${performance}/health`),
    metrics: () => client.get<MetricsReply>(`${performance}/metrics`),
    cleanup: () => client.post<CleanupReply>(`${performance}/resources/cleanup`),
    warmUp: (site: string) => client.post<WarmUpReply>(`${performance}/cache/warm-up${query({ siteName: site })}`),
    concurrency: (change: { apply?: 'true'; undo?: string }) =>
      client.post<ConcurrencyReply>(`${performance}/optimize-concurrency${query(change)}`),
    resetMetrics: () => client.post<unknown>(`${performance}/metrics/reset`),
  }
}
