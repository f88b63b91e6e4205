import type { AcquisitionRecord, AcquisitionTrigger } from './acquisition-record.ts'

export type AlertSeverity = 'low' | 'medium' | 'high'
/** By the worst alert that is raised: none, low, medium, high. */
export type HealthState = 'healthy' | 'warning' | 'degraded' | 'unhealthy'

/** What is wrong, judged by figures. */
export interface Alert {
  /** The option that sets its threshold, or the name of a rule of one's own. */
  readonly rule: string
  readonly severity: AlertSeverity
  /** What was measured; 1 for a rule of one's own. */
  readonly value: number
  /** What it was compared with; 0 for a rule of one's own. */
  readonly threshold: number
  /** A whole sentence for people. */
  readonly message: string
  /** Wall clock, ms: when it was raised. */
  readonly sinceAt: number
}

/** What a token manager tells. Every event is frozen and holds neither token nor secret. */
export interface TokenEvents {
  /** Its turn at the gate has come. `id` is that of the record that `acquisition.finished` will bring. */
  'acquisition.started': {
    readonly id: string
    readonly ref: string
    readonly provider: string
    readonly kind: string
    readonly subject?: string
    readonly trigger: AcquisitionTrigger
    readonly at: number
  }
  'acquisition.finished': AcquisitionRecord
  /** A token was adopted that another process acquired. */
  'token.adopted': { readonly ref: string; readonly generation: number }
  'token.invalidated': {
    readonly ref: string
    readonly generation: number
    readonly cause: 'rejected' | 'manual' | 'dependency'
  }
  /** A provider-wide failure stops all its acquisitions but one probe at a time. */
  'breaker.opened': {
    readonly provider: string
    readonly code: string
    readonly message: string
    readonly retryInMs: number
  }
  'breaker.closed': { readonly provider: string }
  /** Wall and monotonic clock disagree by `byMs` more than a second ago. */
  'clock.jumped': { readonly byMs: number }
  /** The store failed; tokens are served from memory meanwhile. */
  'store.failed': { readonly operation: string; readonly code: string; readonly message: string }
  'store.recovered': Record<string, never>
  /** Once for each change; `health` is the state with it. */
  'alert.raised': Alert & { readonly health: HealthState }
  'alert.cleared': Alert & { readonly health: HealthState }
  'manager.closed': Record<string, never>
}
