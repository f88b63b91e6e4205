import type { ErrorCode } from '../core/errors.ts'
import type { Failure } from './failure.ts'
import type { Grant } from './provider.ts'

/**
 * Port: keeps tokens between processes and restarts, and decides which process may acquire one.
 * Shaped for a cluster from the start: every operation is one round trip, claims carry a fencing number, and losers
 * learn success and failure alike. Every store passes the contract suite `tokenStoreContract` of `hotwell/testing`.
 *
 * Failures of the store itself are thrown as HotwellError `store_unavailable` (try again) or `store_unreadable`.
 */
export interface TokenStore {
  /** Who shares it: callers of one process, processes of one machine, or machines. */
  readonly scope: 'process' | 'machine' | 'cluster'
  /** Prepares it (schema, key check). Idempotent; every other operation does it first. */
  open(): Promise<void>
  read(key: TokenKey): Promise<StoreEntry>
  /** Asks to be the one that acquires. Claims of dead holders lapse after `ttlMs`. */
  claim(key: TokenKey, request: ClaimRequest): Promise<ClaimResult>
  /** Keeps a claim for another `ttlMs`, also one that has lapsed meanwhile. False: released, or lost to another. */
  extend(claim: Claim, ttlMs: number): Promise<boolean>
  /**
   * Journals durably that a single-use grant is about to be spent; it also proves that the store can be written.
   * False: nothing may be spent, because the claim is lost or has lapsed, or because the stored grant is another one
   * by now (release the claim and look again). The intent stays until a commit that spent this grant, a commit that
   * brings another grant, or a certain failure resolves it; a crash leaves it unresolved. Announced once more, it keeps
   * the date of the first time.
   */
  intend(claim: Claim, spent: Fingerprint): Promise<boolean>
  /**
   * Stores a token, releases the claim and forgets a remembered failure.
   * Without `spent` the claim decides: `superseded` once somebody else has claimed since.
   * With `spent` the grant decides, whatever became of the claim: stored if the stored record's grant still has this
   * fingerprint (or no grant is there), so a late but true successor always wins.
   * A token that comes without a grant leaves the stored grant in place (RFC 6749 section 6).
   * The generation becomes max(stored + 1, seen + 1, wall clock ms), tombstones included.
   */
  commit(
    claim: Claim,
    token: NewToken,
    options?: { spent?: Fingerprint; seenGeneration?: number },
  ): Promise<CommitResult>
  /**
   * Remembers a failure until `retryInMs` from now, tells it, releases the claim. Ignored if the claim is lost, except
   * that `unspent` resolves the intent which this claim alone has announced.
   */
  fail(claim: Claim, failure: NewFailure): Promise<void>
  /** Gives a claim back without an outcome. Does nothing if it is lost. */
  release(claim: Claim): Promise<void>
  /**
   * Drops the token if its generation is still this one, leaving a tombstone with the generation until the token's
   * end, so that nobody serves or restores it. A grant is kept. True: dropped.
   */
  invalidate(key: TokenKey, generation: number): Promise<boolean>
  /**
   * Tells about changes that other processes made (and may tell about one's own). `urgent`: somebody waits, so a store
   * without messages looks often (SQLite: every 10 ms instead of 250 ms). Returns the function that ends it.
   */
  watch(listener: (event: StoreEvent) => void, options?: { urgent?: boolean }): () => void
  /** Tidies up now what is else tidied up by and by: claims of holders that died, records that are long over. */
  cleanup?(): Promise<{ deadClaims: number; oldRecords: number }>
  /** What is wrong now, for health: records that cannot be read, a store that cannot be written. Never a secret. */
  problems(): readonly string[]
  /** Claims that are still held stay, and lapse. */
  close(): Promise<void>
}

/** SHA-256 of a secret, in hex. */
export type Fingerprint = string

/** Which record: see `tokenKey()`. */
export interface TokenKey {
  /** Hash of namespace, the provider's identity and the canonical ref. */
  readonly id: string
  /** The canonical ref, for people who look into a store. */
  readonly ref: string
}

/** A token as a store keeps it. Value and grant are sealed at rest. */
export interface TokenRecord {
  readonly value: string
  readonly tokenType: string
  readonly scope?: string
  /** Wall clock, ms: when the request that brought it was sent. */
  readonly issuedAt: number
  /** Wall clock, ms; `Infinity` if it never expires. */
  readonly expiresAt: number
  /** Its life when it was acquired, in ms; a restored token never lives longer than this. */
  readonly lifeMs: number
  readonly generation: number
  /** How often it was renewed; for people. */
  readonly renewals: number
  readonly grant?: Grant
}

export type NewToken = Omit<TokenRecord, 'generation' | 'renewals'>

/** A failure that is remembered, so that nobody asks again before `retryInMs` is over. */
export interface RememberedFailure {
  readonly code: ErrorCode
  /** Scrubbed. */
  readonly message: string
  readonly disposition: Failure['disposition']
  readonly scope: Failure['scope']
  readonly status: Failure['status']
  /** The provider's `credentialVersion` then; a failure of another version is forgotten. */
  readonly credentialVersion?: string
  /** Remaining, as of the reading. */
  readonly retryInMs: number
}

export type NewFailure = RememberedFailure & {
  /** True when it is certain that a grant was not spent: resolves the intent. */
  readonly unspent?: boolean
}

/** An announced spending of a grant whose outcome nobody has recorded. */
export interface Intent {
  readonly spent: Fingerprint
  /** How long ago it was journalled, in ms; `Infinity` when that was before the last boot. */
  readonly ageMs: number
}

export interface StoreEntry {
  readonly token?: TokenRecord
  /** The generation that was invalidated, while its token would still live. */
  readonly tombstone?: number
  /** The grant of an invalidated token. */
  readonly grant?: Grant
  readonly failure?: RememberedFailure
  readonly intent?: Intent
  /** Set when a record is there but cannot be opened: it must not be overwritten. Says why. */
  readonly unreadable?: string
}

export interface ClaimRequest {
  /** Names the process and instance that asks. */
  readonly holder: string
  readonly ttlMs: number
  /** The generation the caller knows (0: none). A newer token is returned instead of a claim. */
  readonly seenGeneration: number
  /** An explicit refresh ignores a remembered failure. */
  readonly force?: boolean
  readonly credentialVersion?: string
}

export interface Claim {
  readonly key: TokenKey
  readonly holder: string
  /** The fencing number: grows with each claim of the key. */
  readonly fence: number
}

export type ClaimResult =
  | { readonly status: 'claimed'; readonly claim: Claim; readonly entry: StoreEntry }
  /** The store has a newer token than the caller has seen. */
  | { readonly status: 'newer'; readonly token: TokenRecord }
  /** Somebody holds the claim; it lapses in `lapsesInMs` unless extended. */
  | { readonly status: 'busy'; readonly lapsesInMs: number }
  | { readonly status: 'failed'; readonly failure: RememberedFailure }
  /** A record is there that the keys given cannot open: acquire for memory only. */
  | { readonly status: 'unreadable'; readonly reason: string }

export type CommitResult =
  | { readonly status: 'stored'; readonly token: TokenRecord }
  | { readonly status: 'superseded'; readonly token?: TokenRecord }

export interface StoreEvent {
  /** The id of the key. */
  readonly id: string
  readonly type: 'stored' | 'failed' | 'invalidated' | 'released'
}
