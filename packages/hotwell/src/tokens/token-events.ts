import type { AcquisitionRecord, AcquisitionTrigger } from './acquisition-record.ts'

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
  'manager.closed': Record<string, never>
}
