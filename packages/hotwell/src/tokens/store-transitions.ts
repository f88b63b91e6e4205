import { HotwellError } from '../core/errors.ts'
import type { Grant } from './provider.ts'
import { fingerprint } from './token-key.ts'
import type {
  Claim,
  ClaimRequest,
  ClaimResult,
  CommitResult,
  Fingerprint,
  NewFailure,
  NewToken,
  RememberedFailure,
  StoreEntry,
  StoreEvent,
  TokenRecord,
} from './token-store.ts'

/**
 * What a store keeps of one key, and what each operation of the port does to it, as pure functions: a store reads a
 * state, asks one of these, and writes the change back, all in one atomic step.
 */
export interface TokenState {
  /** The fencing number of the last claim; 0: nobody has claimed. Stays after the claim is released. */
  readonly fence: number
  readonly holder?: string
  /** Absent: released. */
  readonly claimedUntil?: Instant
  /** Of the token, or of the tombstone where there is none; 0: never stored. */
  readonly generation: number
  /** The end of that token; absent: it never expires. */
  readonly expiresAt?: number
  readonly token?: Omit<TokenRecord, 'grant'>
  /** Outlives its token's invalidation. */
  readonly grant?: Grant
  readonly failure?: Omit<RememberedFailure, 'retryInMs'> & { readonly until: Instant }
  readonly intent?: StoredIntent
  /** Token or grant are there but cannot be opened. */
  readonly unreadable?: string
}

/** An instant that survives a jump of the wall clock, and is worth nothing after a reboot. */
export interface Instant {
  readonly bootId: string
  /** Monotonic clock, in milliseconds. */
  readonly atMs: number
}

export interface StoredIntent {
  readonly spent: Fingerprint
  readonly since: Instant
  /** The claim that journalled it; 0 once a second one has journalled the same, because then neither knows alone. */
  readonly fence: number
}

/** The clock's readings, taken together. */
export interface Now {
  readonly wallMs: number
  readonly monotonicMs: number
  readonly bootId: string
}

/** What an operation answers, what it changes (a key that is there with `undefined` is cleared), what it tells. */
export interface Transition<Result> {
  readonly result: Result
  readonly change?: Partial<TokenState>
  readonly event?: StoreEvent['type']
}

export const emptyState: TokenState = { fence: 0, generation: 0 }

export function entryOf(state: TokenState, now: Now): StoreEntry {
  const { token, grant, generation, expiresAt = Infinity, failure, intent, unreadable } = state
  return definedOnly({
    token: recordOf(state),
    tombstone: !token && !unreadable && generation > 0 && expiresAt > now.wallMs ? generation : undefined,
    grant: token ? undefined : grant,
    failure: failure && remainingMs(failure.until, now) > 0 ? remembered(failure, now) : undefined,
    intent: intent && { spent: intent.spent, ageMs: ageMs(intent.since, now) },
    unreadable,
  })
}

/** The claim's holder and number decide who owns it; its time only decides whether somebody else may take it. */
export function claimState(
  state: TokenState,
  now: Now,
  request: ClaimRequest,
  key: Claim['key'],
): Transition<ClaimResult> {
  if (state.unreadable) return { result: { status: 'unreadable', reason: state.unreadable } }
  const token = recordOf(state)
  if (token && token.generation > request.seenGeneration && token.expiresAt > now.wallMs)
    return { result: { status: 'newer', token } }
  const lapsesInMs = state.claimedUntil ? remainingMs(state.claimedUntil, now) : 0
  if (lapsesInMs > 0) return { result: { status: 'busy', lapsesInMs } }
  let { failure } = state
  if (failure && (remainingMs(failure.until, now) <= 0 || failure.credentialVersion !== request.credentialVersion))
    failure = undefined
  if (failure && !request.force) return { result: { status: 'failed', failure: remembered(failure, now) } }
  const fence = Math.max(state.fence + 1, Math.floor(now.wallMs))
  const change = { fence, holder: request.holder, claimedUntil: later(now, request.ttlMs), failure }
  const claim: Claim = { key, holder: request.holder, fence }
  return { result: { status: 'claimed', claim, entry: entryOf({ ...state, ...change }, now) }, change }
}

export function extendState(state: TokenState, now: Now, claim: Claim, ttlMs: number): Transition<boolean> {
  if (!holds(state, claim)) return { result: false }
  return { result: true, change: { claimedUntil: later(now, ttlMs) } }
}

export function intendState(state: TokenState, now: Now, claim: Claim, spent: Fingerprint): Transition<boolean> {
  if (!holds(state, claim) || remainingMs(state.claimedUntil!, now) <= 0) return { result: false }
  refuseUnreadable(state)
  if (state.grant && fingerprint(state.grant.value) !== spent) return { result: false }
  const former = state.intent?.spent === spent ? state.intent : undefined
  const since = former?.since ?? { bootId: now.bootId, atMs: now.monotonicMs }
  const fence = former && former.fence !== claim.fence ? 0 : claim.fence
  return { result: true, change: { intent: { spent, since, fence } } }
}

export function commitState(
  state: TokenState,
  now: Now,
  claim: Claim,
  newToken: NewToken,
  options: { spent?: Fingerprint; seenGeneration?: number } = {},
): Transition<CommitResult> {
  const { spent, seenGeneration = 0 } = options
  refuseUnreadable(state)
  const released = holds(state, claim) ? { claimedUntil: undefined } : undefined
  const accepted =
    spent === undefined
      ? state.fence === 0 || owns(state, claim)
      : !state.grant || fingerprint(state.grant.value) === spent
  if (!accepted) {
    const result = definedOnly({ status: 'superseded' as const, token: recordOf(state) })
    return released ? { result, change: released, event: 'released' } : { result }
  }
  const { grant = state.grant, ...token } = newToken
  const generation = Math.max(state.generation + 1, seenGeneration + 1, Math.floor(now.wallMs))
  const renewals = state.token ? state.token.renewals + (state.token.value === token.value ? 0 : 1) : 0
  const change: Partial<TokenState> = {
    generation,
    expiresAt: Number.isFinite(token.expiresAt) ? token.expiresAt : undefined,
    token: { ...token, generation, renewals },
    grant,
    failure: undefined,
    intent: intentAfter(state.intent, spent, newToken.grant),
    ...released,
  }
  return { result: { status: 'stored', token: recordOf({ ...state, ...change })! }, change, event: 'stored' }
}

/** A commit resolves the intent of the grant it spent, and that of a grant which is no longer the stored one. */
function intentAfter(intent: StoredIntent | undefined, spent: Fingerprint | undefined, grant: Grant | undefined) {
  if (!intent || intent.spent === spent) return undefined
  return grant && fingerprint(grant.value) !== intent.spent ? undefined : intent
}

export function failState(state: TokenState, now: Now, claim: Claim, failure: NewFailure): Transition<void> {
  const { unspent, retryInMs, ...facts } = failure
  const resolved = unspent && state.intent?.fence === claim.fence ? { intent: undefined } : undefined
  if (!holds(state, claim)) return { result: undefined, change: resolved }
  const kept = retryInMs > 0 ? { ...facts, until: later(now, retryInMs) } : undefined
  return { result: undefined, change: { ...resolved, failure: kept, claimedUntil: undefined }, event: 'failed' }
}

export function releaseState(state: TokenState, claim: Claim): Transition<void> {
  if (!holds(state, claim)) return { result: undefined }
  return { result: undefined, change: { claimedUntil: undefined }, event: 'released' }
}

export function invalidateState(state: TokenState, generation: number): Transition<boolean> {
  if (!state.token || state.generation !== generation) return { result: false }
  return { result: true, change: { token: undefined }, event: 'invalidated' }
}

/** Whether losing this state would lose more than an acquisition: a live claim, a grant, an unresolved intent. */
export function isIrreplaceable(state: TokenState, now: Now): boolean {
  const claimed = state.claimedUntil !== undefined && remainingMs(state.claimedUntil, now) > 0
  return claimed || state.grant !== undefined || state.intent !== undefined
}

function recordOf({ token, grant }: TokenState): TokenRecord | undefined {
  return token && (grant ? { ...token, grant } : token)
}

function owns(state: TokenState, claim: Claim): boolean {
  return state.fence === claim.fence && state.holder === claim.holder
}

/** A claim that has lapsed is still held as long as nobody else took it. */
function holds(state: TokenState, claim: Claim): boolean {
  return owns(state, claim) && state.claimedUntil !== undefined
}

function later(now: Now, byMs: number): Instant {
  return { bootId: now.bootId, atMs: now.monotonicMs + byMs }
}

/** Of another boot, nothing remains. */
function remainingMs(instant: Instant, now: Now): number {
  return instant.bootId === now.bootId ? Math.max(0, instant.atMs - now.monotonicMs) : 0
}

function ageMs(since: Instant, now: Now): number {
  return since.bootId === now.bootId ? Math.max(0, now.monotonicMs - since.atMs) : Infinity
}

function remembered({ until, ...facts }: NonNullable<TokenState['failure']>, now: Now): RememberedFailure {
  return { ...facts, retryInMs: remainingMs(until, now) }
}

/** `details.record`: one record is concerned, not the store. */
function refuseUnreadable({ unreadable }: TokenState): void {
  if (!unreadable) return
  throw new HotwellError('store_unreadable', `${unreadable} It is not overwritten.`, { details: { record: true } })
}

function definedOnly<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T
}
