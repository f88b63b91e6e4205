import { hash } from 'node:crypto'
import { type Clock, coarseTickMs } from '../core/clock.ts'
import type { TokenRecord } from './token-store.ts'

/** When a token is renewed and when it is dead, in monotonic and wall-clock milliseconds. */
export interface Lifetime {
  /** Monotonic: from here on it is renewed behind the callers' backs. */
  readonly softAt: number
  /** Monotonic: from here on nobody gets it. */
  readonly hardAt: number
  /** Wall clock: from here on nobody gets it either. */
  readonly expiresAt: number
  /** How long before its end it becomes soft. */
  readonly marginMs: number
  /** Monotonic: until here the fast path may serve it without looking at any other clock. */
  readonly freshUntil: number
  /** Monotonic: its provider does not issue another one before; then it is soft from here on. */
  readonly postponedTo?: number
}

/** What decides how early a token is renewed. */
export interface MarginOptions {
  /** How long before a token's end it is renewed, in seconds. Default 900. */
  thresholdSeconds: number
  /** Added to the threshold: a share of this many seconds that differs from ref to ref. Default 0. */
  jitterSeconds: number
  /** The most that makes sense at this provider, in seconds (Lark: 1,740). */
  maximumSeconds?: number
  /** The P99 of the provider's acquisitions; the threshold grows to four times this. */
  p99Ms?: number
}

/**
 * The margin before the end: min(threshold, life ÷ 4, the provider's maximum), less a deterministic 0 to 10 % per ref,
 * so that tokens acquired together are not renewed together.
 */
export function marginMs(lifeMs: number, ref: string, options: MarginOptions): number {
  const { thresholdSeconds, jitterSeconds, maximumSeconds = Number.POSITIVE_INFINITY, p99Ms = 0 } = options
  const threshold = Math.max(thresholdSeconds * 1000, 4 * p99Ms) + jitterSeconds * 1000 * share(ref, 'jitter')
  return Math.min(threshold, lifeMs / 4, maximumSeconds * 1000) * (1 - share(ref, 'margin') / 10)
}

/**
 * The lifetime of a token, seen from now. A restored token lives for the smaller of what its expiry says and what was
 * recorded when it was acquired, so that a wall clock that was set back brings nothing dead to life.
 */
export function lifetimeOf(token: TokenRecord, clock: Clock, margin: number, sentAtMonotonic?: number): Lifetime {
  const { expiresAt, lifeMs } = token
  const monotonic = clock.monotonic()
  const byWall = expiresAt - clock.now()
  const remaining = sentAtMonotonic === undefined ? Math.min(byWall, lifeMs) : sentAtMonotonic + lifeMs - monotonic
  const hardAt = monotonic + remaining
  const softAt = hardAt - margin
  return { softAt, hardAt, expiresAt, marginMs: margin, freshUntil: freshUntil(softAt, hardAt, margin) }
}

/**
 * Until when a comparison with the coarse clock alone is enough. That clock stands still during a turn of the event
 * loop, so never up to the bare end: half the margin before it, and at least two ticks.
 */
export function freshUntil(softAt: number, hardAt: number, margin: number): number {
  return Math.min(softAt, hardAt - Math.max(margin / 2, 2 * coarseTickMs))
}

/** A turn of the event loop that hangs longer than this has worse troubles, in ms. */
const longestTurnMs = 10_000

/** The same for a soft token whose renewal is under way: as long as a turn that hangs does not lead past its end. */
export function softUntil(hardAt: number, margin: number): number {
  return freshUntil(hardAt, hardAt, Math.min(margin, 2 * longestTurnMs))
}

/** Spreads the questions to a provider that answered "not yet", in ms. */
const longestJitterMs = 30_000
/** The shortest pause after that answer, in ms. */
const shortestPauseMs = 5000

/**
 * When to ask again a provider that has just returned the token that was there (monotonic ms): once it issues another,
 * which is `notBeforeSeconds` before the end; where nobody says when that is, after half of what is left. `spread`: 0 to
 * 1, different for each process and ref.
 */
export function askAgainAt(
  { hardAt, marginMs }: Lifetime,
  now: number,
  { notBeforeSeconds = 0, spread }: { notBeforeSeconds?: number; spread: number },
): number {
  const jitterMs = spread * Math.min(longestJitterMs, marginMs / 8)
  const at = notBeforeSeconds > 0 ? hardAt - notBeforeSeconds * 1000 + jitterMs : now + (hardAt - now) / 2
  return Math.max(at, now + Math.min(shortestPauseMs, marginMs / 4))
}

/** A number in [0, 1) that is always the same for the same words. */
export function share(...words: string[]): number {
  return Number.parseInt(hash('sha256', words.join('\0'), 'hex').slice(0, 12), 16) / 2 ** 48
}

/** The earliest renewal that brings anything: a minute inside the window in which the provider issues a new token. */
export function latestMarginSeconds(notBeforeSeconds: number | undefined): number | undefined {
  return notBeforeSeconds === undefined ? undefined : Math.max(notBeforeSeconds - 60, notBeforeSeconds / 2)
}
