import type { Clock } from '../core/clock.ts'
import type { AccountCredentials } from './account-source.ts'
import type { AcquisitionTrigger } from './acquisition-record.ts'
import type { Ref, RefParameter } from './ref.ts'

/**
 * Port: knows one way to issue tokens. A provider is what one function in one file returns (`feishu({...})`); it keeps
 * no tokens, starts no timers and retries nothing by itself: the manager does all that.
 */
export interface Provider<Kind extends string = string> {
  /**
   * What the tokens belong to: type, API host and client or app id, never a secret. A stored token of another identity
   * is absent. A function where it depends on the ref.
   */
  readonly identity: string | ((ref: Ref) => string)
  /** The kinds it issues. */
  readonly kinds: readonly Kind[]
  /** The ref parameters it takes. Default: none. */
  readonly parameters?: readonly RefParameter[]
  /** The scopes that a ref may ask for. A ref with any other is refused. Default: none. */
  readonly scopes?: readonly string[]
  /** False refuses the ref with `unknown_subject` before anything is asked upstream. Default: every subject is tried. */
  knows?(ref: Ref): boolean
  /** Obtains a token. Throws what `providerFailure()` makes; any other error counts as retryable. */
  acquire(request: AcquireRequest): Promise<AcquiredToken>
  /** The ref of the token that has to be there first; the manager resolves it and passes it as `dependency`. */
  dependsOn?(ref: Ref): string | undefined
  /** Puts a token into a request. Default: the header `Authorization: Bearer <token>`. */
  attach?(request: Request, token: string): Request
  /** Whether a reply says that the token was rejected. Default: status 401. */
  rejects?(reply: UpstreamReply): boolean
  /** Where `handle.fetch` may go; relative paths are resolved on the first. */
  readonly baseUrls?: readonly string[]
  /** A token with at least this much life left is returned again, unchanged, by the provider. Default 0. */
  readonly notBeforeSeconds?: number
  /** True: it logs in with an account of the manager's `accounts`, and cannot do without. Default: takes one if there. */
  readonly needsAccount?: boolean
  /** The provider's documented limit on acquisitions. */
  readonly quota?: Quota
  /** Present when an acquisition spends a single-use refresh token. */
  readonly rotation?: Rotation
  /** Changes when a secret changes, and tells nothing about it (a short hash). Clears remembered failures. */
  readonly credentialVersion?: string
}

/**
 * At most `perSecond` acquisitions a second on average, `burst` of them at once. Default 1: evenly spaced, so that a
 * provider finds no more in any second, however it counts.
 */
export interface Quota {
  readonly perSecond: number
  readonly burst?: number
}

/** How a provider treats a refresh token that may have been spent already. */
export interface Rotation {
  /** For how long after the first use the same refresh token may be sent again. Default 0: never. */
  readonly replaySafeSeconds?: number
}

/** What a provider is given to obtain a token. */
export interface AcquireRequest {
  readonly ref: Ref
  /** Aborts at the acquisition's deadline and when the manager closes. */
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly trigger: AcquisitionTrigger
  /** 1 for the first attempt of this acquisition. */
  readonly attempt: number
  /** Which account to log in with, for kind `account`. */
  readonly credentials?: AccountCredentials
  /** The token that this one replaces, if there is one. */
  readonly previous?: PreviousToken
  /** The token named by `dependsOn`. */
  readonly dependency?: { readonly ref: Ref; readonly value: string }
  /** Adds to the acquisition's record: time spent logging in, captchas tried, network retries. */
  readonly note: (facts: AcquisitionFacts) => void
}

export interface AcquisitionFacts {
  loginMs?: number
  captchaAttempts?: number
  networkRetries?: number
}

export interface PreviousToken {
  readonly value: string
  /** Wall clock, in milliseconds. */
  readonly expiresAt: number
  /** The refresh token that came with it. */
  readonly grant?: Grant
}

/** A refresh token, kept beside the access token it came with. */
export interface Grant {
  readonly value: string
  /** Wall clock, in milliseconds; absent if it does not expire or nobody said. */
  readonly expiresAt?: number
}

/** What a provider returns. */
export interface AcquiredToken {
  /** The access token: a non-empty string of at most 128 kB without control characters. */
  value: string
  /** Life counted from the moment the request was sent. More than 0; `Infinity` for a token that never expires. */
  expiresInSeconds: number
  /** Default `Bearer`. */
  tokenType?: string
  /** The scope that was granted, where the provider says so. */
  scope?: string
  /** The successor of the refresh token that was spent, or the one that stays valid. */
  grant?: Grant
  /** The reply's `Date` header (without `Age`), in milliseconds; it may only shorten the token's life. */
  serverDate?: number
}

/** A reply of an API that was called with a token. */
export interface UpstreamReply {
  readonly status: number
  readonly headers: Headers
  /** The parsed body when it is JSON of at most 64 kB, else undefined. */
  readonly body: unknown
}

/** Whether two configurations of a provider hold the same secret. One that does not tell is taken for another. */
export function sameCredentials(one: Provider, other: Provider): boolean {
  if (one === other) return true
  return one.credentialVersion !== undefined && one.credentialVersion === other.credentialVersion
}

/** The identity of a ref's tokens. */
export function identityOf(provider: Provider, ref: Ref): string {
  return typeof provider.identity === 'function' ? provider.identity(ref) : provider.identity
}
