import type { CurrentToken } from './current-token.ts'
import type { GetOptions } from './token-handle.ts'

/** Bounds what callers who want a longer life can cause: one acquisition per max(5 s, life ÷ 20). */
export class MinTtlBrake {
  #lastAt = Number.NEGATIVE_INFINITY

  /** Whether the wish causes an acquisition: what is there is too short, and the last time is long ago. `now`: monotonic. */
  passes({ minTtlSeconds = 0 }: GetOptions, remainingMs: number, { record }: CurrentToken, now: number): boolean {
    if (remainingMs >= minTtlSeconds * 1000 || now - this.#lastAt < Math.max(5000, record.lifeMs / 20)) return false
    this.#lastAt = now
    return true
  }
}
