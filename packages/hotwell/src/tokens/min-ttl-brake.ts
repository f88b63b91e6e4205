/** Bounds what callers who want a longer life can cause: one acquisition per max(5 s, life ÷ 20). */
export class MinTtlBrake {
  #lastAt = Number.NEGATIVE_INFINITY

  /** `now`: monotonic. */
  passes(lifeMs: number, now: number): boolean {
    if (now - this.#lastAt < Math.max(5000, lifeMs / 20)) return false
    this.#lastAt = now
    return true
  }
}
