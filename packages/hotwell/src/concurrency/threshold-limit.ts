import { availableParallelism } from 'node:os'
import type { AdaptiveLimit, AttemptOutcome } from './adaptive-limit.ts'

export interface ThresholdLimitOptions {
  /** The limit at the start. @default twice the available cores */
  start?: number
  /** Never fewer, from 1. @default 1 */
  least?: number
  /** Never more. @default four times the available cores */
  most?: number
  /** Above this share of errors the limit shrinks to four fifths. @default 0.1 */
  errorRate?: number
  /** Below this mean latency the limit doubles, in milliseconds. @default 100 */
  latencyMs?: number
  /** How often it decides, in milliseconds; after ten outcomes at least. @default 1000 */
  windowMs?: number
}

/**
 * The simple rule: too many errors, a fifth less; quick answers, twice as many. It knows neither the backend's own
 * latency nor its capacity, so it stays at its start where answers take longer than `latencyMs`.
 */
export function createThresholdLimit(options: ThresholdLimitOptions = {}): AdaptiveLimit {
  return new ThresholdLimit(options)
}

const leastOutcomes = 10

class ThresholdLimit implements AdaptiveLimit {
  limit: number
  readonly #options: Required<ThresholdLimitOptions>
  #startedAt: number | undefined
  #outcomes = 0
  #errors = 0
  #latencyMs = 0

  constructor(options: ThresholdLimitOptions) {
    const cores = availableParallelism()
    const { least = 1, most = Math.max(least, 4 * cores), errorRate = 0.1, latencyMs = 100, windowMs = 1000 } = options
    const { start = Math.min(most, Math.max(least, 2 * cores)) } = options
    this.#options = { start, least, most, errorRate, latencyMs, windowMs }
    this.limit = start
  }

  begin(): void {}

  end(outcome: AttemptOutcome, startedAt: number, now: number): void {
    this.#startedAt ??= startedAt
    this.#outcomes++
    if (outcome === 'ok') this.#latencyMs += now - startedAt
    else this.#errors++
    if (this.#outcomes < leastOutcomes || now - this.#startedAt < this.#options.windowMs) return
    this.#decide()
    this.#startedAt = now
    this.#outcomes = this.#errors = this.#latencyMs = 0
  }

  #decide(): void {
    const { least, most, errorRate, latencyMs } = this.#options
    const succeeded = this.#outcomes - this.#errors
    if (this.#errors > errorRate * this.#outcomes) this.limit = Math.max(least, Math.floor(0.8 * this.limit))
    else if (this.#latencyMs < latencyMs * succeeded) this.limit = Math.min(most, 2 * this.limit)
  }
}
