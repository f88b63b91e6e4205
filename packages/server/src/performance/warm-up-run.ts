import { setTimeout as sleep } from 'node:timers/promises'
import type { TokenManager } from 'hotwell'
import { goneAgain, isWarm } from './acquire-behind.ts'

/** How the acquisition of a ref has ended. */
export type WarmUpOutcome = 'acquired' | { readonly code: string; readonly message: string }

/** How many tokens of a warm-up are how far. */
export interface WarmUpCounts {
  total: number
  /** They were there before. */
  kept: number
  acquired: number
  failed: number
  /** Under way, or waiting for their turn. */
  pending: number
  failedByCode: Record<string, number>
}

export interface WarmUpProgress extends WarmUpCounts {
  /** Acquired or failed, since it began. */
  perSecond: number
  /** At this pace; null before the first has ended. */
  secondsLeft: number | null
}

export interface WarmUpReport {
  warm: string[]
  failed: { ref: string; code: string; message: string }[]
  pending: string[]
  progress: WarmUpProgress
}

/** One warm-up: what was asked for, and what became of it so far. */
export class WarmUpRun {
  /** Refs that were not there when it began. */
  readonly missing: ReadonlySet<string>
  readonly #tokens: TokenManager
  readonly #refs: readonly string[]
  readonly #outcomes = new Map<string, WarmUpOutcome>()
  readonly #followed: Promise<unknown>[] = []
  readonly #beganAt = performance.now()
  #endedAt: number | undefined
  #ended: Promise<void> | undefined

  constructor(tokens: TokenManager, refs: readonly string[]) {
    this.#tokens = tokens
    this.#refs = [...new Set(refs)]
    this.missing = new Set(this.#refs.filter(ref => !this.#isThere(ref)))
  }

  follow(ref: string, outcome: Promise<WarmUpOutcome>): void {
    this.#followed.push(outcome.then(ended => this.#outcomes.set(ref, ended)))
  }

  /** Resolves when every ref has been tried. */
  get ended(): Promise<void> {
    return (this.#ended ??= Promise.all(this.#followed).then(() => {
      this.#endedAt = performance.now()
    }))
  }

  /** What there is to tell once it has ended, or at the latest after so long. */
  async report({ timeoutSeconds = 30 }: { timeoutSeconds?: number | undefined }): Promise<WarmUpReport> {
    if (timeoutSeconds > 0) {
      const patience = new AbortController()
      const over = sleep(timeoutSeconds * 1000, undefined, { signal: patience.signal }).catch(() => {})
      await Promise.race([this.ended, over])
      patience.abort()
    }
    const failed = this.#refs.flatMap(ref => {
      const failure = this.#failureOf(ref)
      return failure ? [{ ref, ...failure }] : []
    })
    const pending = [...this.missing].filter(ref => !this.#outcomes.has(ref))
    const others = new Set([...failed.map(({ ref }) => ref), ...pending])
    return { warm: this.#refs.filter(ref => !others.has(ref)), failed, pending, progress: this.progress() }
  }

  progress(): WarmUpProgress {
    const counts: WarmUpCounts = { total: 0, kept: 0, acquired: 0, failed: 0, pending: 0, failedByCode: {} }
    for (const ref of this.#refs) {
      counts.total++
      const failure = this.#failureOf(ref)
      if (failure) {
        counts.failed++
        counts.failedByCode[failure.code] = (counts.failedByCode[failure.code] ?? 0) + 1
      } else if (!this.missing.has(ref)) counts.kept++
      else if (this.#outcomes.has(ref)) counts.acquired++
      else counts.pending++
    }
    const { pending } = counts
    const done = this.#outcomes.size
    const perSecond = (1000 * done) / Math.max(1, (this.#endedAt ?? performance.now()) - this.#beganAt)
    return { ...counts, perSecond, secondsLeft: pending === 0 ? 0 : done === 0 ? null : pending / perSecond }
  }

  /** Why it is not there, unless it is or that is still open. */
  #failureOf(ref: string): Exclude<WarmUpOutcome, string> | undefined {
    const outcome = this.#outcomes.get(ref)
    if (typeof outcome === 'object') return outcome
    const isOpen = !outcome && this.missing.has(ref)
    return isOpen || this.#isThere(ref) ? undefined : { code: 'not_found', message: goneAgain(ref) }
  }

  #isThere(ref: string): boolean {
    try {
      return isWarm(this.#tokens.token(ref as never))
    } catch {
      return false
    }
  }
}
