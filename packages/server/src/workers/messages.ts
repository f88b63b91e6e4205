import type { ErrorCode } from 'hotwell'
import type { DeadLetter, RunProgress, RunStats, SyncEvents, SyncPart, Verification } from 'hotwell/sync'
import type { SyncPlan } from './sync-plan.ts'

/** What a thread does before it ends. */
export type SyncWork =
  | {
      readonly kind: 'run'
      /** How it is named in events and stats. */
      readonly run?: string
      readonly mode?: 'full' | 'incremental'
      readonly part?: SyncPart
      readonly allowDeletes: boolean
    }
  | { readonly kind: 'verify'; readonly repair: boolean; readonly listed?: number; readonly allowDeletes: boolean }
  | { readonly kind: 'dead-letters'; readonly limit: number }

export interface SyncThreadData {
  readonly plan: SyncPlan
  readonly work: SyncWork
}

export interface DeadLetterPage {
  readonly letters: readonly DeadLetter[]
  /** Whether there are more than were asked for. */
  readonly hasMore: boolean
}

/** To the thread. */
export type ToThread =
  | { readonly kind: 'pause' | 'resume' | 'cancel' }
  | { readonly kind: 'token'; readonly number: number; readonly token?: HandedToken; readonly error?: PlainError }

/** From the thread. */
export type FromThread =
  | { readonly kind: 'progress'; readonly progress: RunProgress }
  | { readonly kind: 'told'; readonly told: readonly Told[] }
  /** Wants a token; `rejected` is the one that the API would not have. */
  | { readonly kind: 'ask'; readonly number: number; readonly ref: string; readonly rejected?: string }
  | { readonly kind: 'ended'; readonly outcome: Outcome }

/** An event of the sync. */
export type Told = {
  [Name in keyof SyncEvents]: { readonly name: Name; readonly event: SyncEvents[Name] }
}[keyof SyncEvents]

export interface HandedToken {
  readonly value: string
  readonly tokenType: string
  /** Wall clock, ms; `Infinity` if it never expires. */
  readonly expiresAt: number
}

/** How the work ended. */
export interface Outcome {
  readonly state: 'completed' | 'failed' | 'cancelled'
  /** Of a run, whatever its end. */
  readonly stats?: RunStats
  readonly verification?: Verification
  readonly deadLetters?: DeadLetterPage
  readonly error?: PlainError
}

/** An error as data: the class of an error does not cross. */
export interface PlainError {
  readonly code: ErrorCode
  readonly message: string
  readonly retryable: boolean
  readonly retryAfterMs?: number
}
