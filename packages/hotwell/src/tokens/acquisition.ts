import type { AcquisitionTrigger } from './acquisition-record.ts'
import type { Provider } from './provider.ts'
import type { Ref } from './ref.ts'
import type { Rejections } from './rejections.ts'
import type { TokenKey, TokenRecord } from './token-store.ts'

/** Whose token is to be acquired. */
export interface AcquisitionTarget {
  readonly ref: Ref
  readonly key: TokenKey
  readonly provider: Provider
  /** The token known here, dead or alive. */
  readonly known: TokenRecord | undefined
  /** The newest generation seen here. */
  readonly seenGeneration: number
  readonly rejections: Rejections
  /** Failures in a row before this one. */
  readonly failures: number
  /** Takes a token that came after the acquisition's deadline. */
  readonly late: (acquired: Acquired) => void
  /** Whether the configuration has changed since: then a failure says nothing about the present one. */
  readonly outdated: () => boolean
}

export interface AcquisitionWhy {
  readonly trigger: AcquisitionTrigger
  /** An explicit refresh: passes remembered failures, and is not content with a token it knew before. */
  readonly force?: boolean
  /** Aborted when a caller begins to wait for what was to be a preheat. */
  readonly hurry?: AbortController
}

/** What came of it. */
export interface Acquired {
  readonly token: TokenRecord
  readonly from: 'provider' | 'store'
  /** The provider returned the token that was there, with no more life. */
  readonly unchanged: boolean
  /** Monotonic: when the request that brought it was sent. */
  readonly sentAt?: number
}
