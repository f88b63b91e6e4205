import type { ErrorCode } from '../core/errors.ts'
import type { AcquisitionStatus } from './failure.ts'

/** Why an acquisition was made. */
export const acquisitionTriggers = ['no_token', 'token_expired', 'preheat', 'rejected', 'manual'] as const
export type AcquisitionTrigger = (typeof acquisitionTriggers)[number]

/**
 * What one acquisition did: one frozen record per acquisition, made by the acquirer, told by the event
 * `acquisition.finished`. History, statistics and monitoring are all derived from it.
 */
export interface AcquisitionRecord {
  readonly id: string
  readonly provider: string
  readonly kind: string
  readonly subject?: string
  /** The canonical ref. */
  readonly ref: string
  /** Which credential was used, for kind `account`. */
  readonly credentialId?: string
  readonly status: AcquisitionStatus
  readonly trigger: AcquisitionTrigger
  /** True when the provider returned the same token: nothing was renewed, and it does not count as a refresh. */
  readonly unchanged: boolean
  /** True when it renewed a token that was there; such records count as refreshes. */
  readonly refresh: boolean
  /** How often the provider was asked. */
  readonly attempts: number
  /** From the flight's start to its end, waits included, in milliseconds. */
  readonly totalMs: number
  /** Spent in the provider, in milliseconds. */
  readonly providerMs: number
  readonly loginMs?: number
  readonly captchaAttempts: number
  readonly networkRetries: number
  /** Waited for the gate, in milliseconds. */
  readonly queueWaitMs: number
  /** First 16 hex digits of the token's SHA-256; never the token. */
  readonly fingerprint?: string
  readonly errorCode?: ErrorCode
  /** Scrubbed of every secret and token of this acquisition. */
  readonly errorMessage?: string
  /** The failures behind it, one a line, scrubbed likewise. */
  readonly errorDetails?: string
  readonly generation?: number
  /** Which process of which machine. */
  readonly node: string
  /** Wall clock, in milliseconds: when the flight began, when the provider was first asked, when all was over. */
  readonly createdAt: number
  readonly startedAt?: number
  readonly finishedAt: number
}

/** Port: receives every finished acquisition, off the hot path. `record` never throws and never waits. */
export interface AcquisitionRecorder {
  record(record: AcquisitionRecord): void
  /** Writes what is still in memory. */
  flush(): Promise<void>
  close(): Promise<void>
}
