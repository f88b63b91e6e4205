import { providerFailure } from 'hotwell'
import { type Clock, Histogram, sleep } from 'hotwell/core'
import { normal } from '../harness/statistics.ts'

export interface ModelProviderOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly tokens: number
  readonly lifeMs: number
  /** The next one within any 1,000 ms is answered 429. */
  readonly perSecond: number
}

/** Latencies are lognormal around this, in ms, with this deviation of the logarithm. */
const latencyMs = 200
const latencySigma = 0.5

/** Issues tokens on the simulated clock, refuses what comes too fast, and counts what it was asked. */
export class ModelProvider {
  /** Acquisitions of each token, the first one included. */
  readonly issued: Uint32Array
  /** When each token's first and last acquisition was asked for (monotonic ms). */
  readonly firstAt: Float64Array
  readonly lastAt: Float64Array
  readonly latency = new Histogram()
  /** Refusals of tokens that had been acquired before, and of those that had not. */
  refusedLater = 0
  refusedFirst = 0
  /** The most that came within a second, after every token was there. */
  peakPerSecond = 0
  readonly #options: ModelProviderOptions
  /** The instants of what was let in, the newest `perSecond` of them, in a ring. */
  readonly #passed: Float64Array
  #next = 0
  #cold: number
  #second = 0
  #inSecond = 0

  constructor(options: ModelProviderOptions) {
    const { tokens, perSecond } = options
    this.#options = options
    this.#cold = tokens
    this.issued = new Uint32Array(tokens)
    this.firstAt = new Float64Array(tokens)
    this.lastAt = new Float64Array(tokens)
    this.#passed = new Float64Array(perSecond).fill(Number.NEGATIVE_INFINITY)
  }

  /** @throws a failure like the one that HTTP 429 makes */
  async issue(token: number): Promise<{ value: string; expiresInSeconds: number }> {
    const { clock, random, lifeMs } = this.#options
    const askedAt = clock.monotonic()
    const refused = !this.#letIn(askedAt)
    const tookMs = latencyMs * Math.exp(latencySigma * normal(random))
    this.latency.record(tookMs)
    await sleep(clock, tookMs)
    if (refused) {
      if (this.issued[token]! > 0) this.refusedLater++
      else this.refusedFirst++
      throw providerFailure({ message: 'Too many requests.', status: 'rate_limited', disposition: 'retryable' })
    }
    if (this.issued[token]!++ === 0) {
      this.firstAt[token] = askedAt
      this.#cold--
    }
    this.lastAt[token] = askedAt
    return { value: `token-${token}-${this.issued[token]}`, expiresInSeconds: lifeMs / 1000 }
  }

  /** Acquisitions ÷ the least that would do, first ones apart: how often a life was cut short, without edge effects. */
  acquisitionsPerNeeded(): number {
    let renewals = 0
    let spanMs = 0
    for (let token = 0; token < this.issued.length; token++) {
      renewals += Math.max(0, this.issued[token]! - 1)
      spanMs += this.lastAt[token]! - this.firstAt[token]!
    }
    return renewals / (spanMs / this.#options.lifeMs)
  }

  #letIn(now: number): boolean {
    this.#countPeak(now)
    if (now - this.#passed[this.#next]! < 1000) return false
    this.#passed[this.#next] = now
    this.#next = (this.#next + 1) % this.#passed.length
    return true
  }

  #countPeak(now: number): void {
    if (this.#cold > 0) return
    const second = Math.floor(now / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#inSecond = 0
    }
    this.peakPerSecond = Math.max(this.peakPerSecond, ++this.#inSecond)
  }
}
