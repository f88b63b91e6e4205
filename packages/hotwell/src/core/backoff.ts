/** How pauses between attempts grow. */
export interface BackoffOptions {
  /** The pause after the first failed attempt, before jitter, in milliseconds. @default 1000 */
  baseMs?: number
  /** No pause is longer, in milliseconds. @default 60_000 */
  maxMs?: number
  /** By how much each pause is longer than the one before. @default 2 */
  factor?: number
  /**
   * Spreads callers that failed together: `full` draws from 0 to the pause, `equal` from half the pause to the whole
   * one, `none` takes it as it is. @default 'equal'
   */
  jitter?: 'full' | 'equal' | 'none'
  /** Draws from 0 (included) to 1 (excluded). @default Math.random */
  random?: () => number
}

/** The pause after failed attempt number `attempt` (from 1), in milliseconds: exponential, bounded, with jitter. */
export function backoffMs(attempt: number, options: BackoffOptions = {}): number {
  const { baseMs = 1000, maxMs = 60_000, factor = 2, jitter = 'equal', random = Math.random } = options
  const pause = Math.min(maxMs, baseMs * factor ** (Math.max(1, attempt) - 1))
  if (jitter === 'none') return pause
  return jitter === 'full' ? pause * random() : (pause / 2) * (1 + random())
}
