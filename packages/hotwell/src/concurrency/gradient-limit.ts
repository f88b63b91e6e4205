import { availableParallelism } from 'node:os'
import type { AdaptiveLimit, AttemptOutcome } from './adaptive-limit.ts'
import { LatencyWindow } from './latency-window.ts'

export interface GradientLimitOptions {
  /** The limit at the start. @default twice the available cores */
  start?: number
  /** Never fewer, from 1. @default 1 */
  least?: number
  /** Never more. @default 1000 */
  most?: number
  /**
   * How many standard errors the mean of a window may lie above the base, beyond a tenth, before it passes for a queue.
   * 0 takes noise for one. @default 1.5
   */
  noiseTolerance?: number
}

/**
 * Finds the concurrency at which a backend is busy and hardly anything waits in it, from the latencies alone: the limit
 * shrinks by the gradient, the mean latency without load (the base) ÷ that of the last window, and grows by a little.
 * How far a mean may lie above the base follows from the scatter of the latencies, so that noise is not taken for a
 * queue. By Little's law, delivered rate × base is what the backend works on at the same time: the gradient never takes
 * the limit below that. An answer that says "overloaded" cuts the limit to that at once, and enters no latency.
 *
 * The base is measured anew about every ten seconds, for two windows at three quarters of what is worked on; and at once
 * when the limit has fallen a long way and the latencies have not, because then it is the base that has changed.
 */
export function createGradientLimit(options: GradientLimitOptions = {}): AdaptiveLimit {
  const { least = 1, most = 1000, noiseTolerance = 1.5 } = options
  const { start = Math.min(most, Math.max(least, 2 * availableParallelism())) } = options
  return new GradientLimit(start, least, most, noiseTolerance)
}

/** `starting`: it grows fast; `steady`; `draining` and `measuring`: it holds the load down to see the base. */
type Phase = 'starting' | 'steady' | 'draining' | 'measuring'

class GradientLimit implements AdaptiveLimit {
  limit: number
  readonly #least: number
  readonly #most: number
  readonly #noiseTolerance: number
  #phase: Phase = 'starting'
  /** The limit with its fraction, and without the dip of a measurement. */
  #exact: number
  /** The mean latency without load, in ms; 0 before the first window. */
  #base = 0
  /** Its standard error, as a share of it. */
  #baseError = 0
  /** How many latencies of the start the base is the mean of. */
  #pooled = 0
  /** Delivered per ms in the last window. */
  #rate = 0
  /** Windows of the start in which the rate did not grow, and later ones in a row without a queue. */
  #flat = 0
  #free = 0
  /** The highest limit since the base was measured. */
  #highest = 0
  #inFlight = 0
  #cutAt = Number.NEGATIVE_INFINITY
  /** The limit that the last cut has cut. */
  #cutFrom = 0
  #measuredAt = 0
  /** Since when no more are in flight than a measurement wants; `Infinity`: they still are. */
  #drainedAt = 0
  #window: LatencyWindow | undefined

  constructor(start: number, least: number, most: number, noiseTolerance: number) {
    this.#least = least
    this.#most = most
    this.#noiseTolerance = noiseTolerance
    this.#exact = start
    this.limit = start
  }

  begin(): void {
    this.#inFlight++
    if (this.#window) this.#window.peak = Math.max(this.#window.peak, this.#inFlight)
  }

  end(outcome: AttemptOutcome, startedAt: number, now: number): void {
    this.#window ??= new LatencyWindow(startedAt, this.#inFlight)
    this.#inFlight--
    if (this.#phase === 'draining') this.#drain(now)
    if (outcome === 'ok') {
      this.#window.record(now - startedAt)
      const least = this.#phase === 'starting' ? 8 : 16
      if (this.#window.isFull(now, this.#base, Math.max(least, this.limit))) this.#review(this.#window, now)
    } else if (outcome === 'overloaded' && startedAt >= this.#cutAt && now - this.#cutAt >= this.#base) this.#cut(now)
  }

  #review(window: LatencyWindow, now: number): void {
    if (this.#phase !== 'starting' && !isExact(window, now, this.#base)) return
    this.#window = new LatencyWindow(now, this.#inFlight)
    const rateBefore = this.#rate
    this.#rate = window.rate(now)
    if (this.#phase === 'starting') this.#start(window, rateBefore, now)
    else if (this.#phase === 'steady') this.#step(window, now)
    else if (this.#phase === 'measuring') this.#measured(window, now)
  }

  #start(window: LatencyWindow, rateBefore: number, now: number): void {
    this.#flat = this.#rate < 1.1 * rateBefore ? this.#flat + 1 : 0
    if (this.#flat >= 3 || (this.#flat > 0 && this.#gradient(window) < 0.9)) {
      // While the limit grows those that have ended are the quick ones: this base is a first idea only.
      this.#baseError = 1
      this.#phase = 'steady'
      this.#step(window, now)
      this.#measure()
      return
    }
    this.#pooled += window.count
    this.#base += ((window.mean - this.#base) * window.count) / this.#pooled
    this.#baseError = window.error * Math.sqrt(window.count / this.#pooled)
    if (this.#isBusy(window)) this.#set(1.5 * this.#exact)
  }

  #step(window: LatencyWindow, now: number): void {
    // Alone, nothing waits for anything.
    if (this.#exact === this.#least) this.#learn(window)
    const gradient = this.#gradient(window)
    this.#free = gradient === 1 ? this.#free + 1 : 0
    const working = Math.min(this.#exact, this.#rate * this.#base)
    this.#set(Math.max(this.#exact * gradient + this.#growth(window, now), working))
    const measureEvery = Math.max(measureEveryMs, 20 * this.#base)
    const isFalling = gradient < 0.9 && this.#exact < 0.6 * this.#highest
    if ((this.#isBusy(window) && now - this.#measuredAt >= measureEvery) || isFalling) this.#measure()
  }

  /** One round trip after the surplus has gone, those that had to wait have gone as well. */
  #drain(now: number): void {
    if (this.#inFlight <= this.limit) this.#drainedAt = Math.min(this.#drainedAt, now)
    if (now - this.#drainedAt < this.#base) return
    this.#phase = 'measuring'
    this.#window = new LatencyWindow(now, this.#inFlight)
  }

  #measure(): void {
    this.#phase = 'draining'
    this.#drainedAt = Number.POSITIVE_INFINITY
    this.#show(Math.round(0.75 * Math.min(this.#exact, this.#rate * this.#base)))
  }

  /** In balance the gradient takes what this adds. Where nothing has been taken for some time, it doubles. */
  #growth(window: LatencyWindow, now: number): number {
    if (!this.#isBusy(window)) return 0
    const usual = Math.max(0.5, 0.08 * this.#exact)
    // The backend has just said that this is too much, so it is approached slowly.
    if (this.#exact > 0.8 * this.#cutFrom && now - this.#cutAt < cautiousMs) return 0.1 * usual
    return Math.min(usual * 2 ** Math.max(0, this.#free - 4), Math.max(usual, 0.5 * this.#exact))
  }

  #measured(window: LatencyWindow, now: number): void {
    // A base that is too high keeps a queue, even now, which keeps the base: so it is followed down at once, and again.
    const isLower = window.mean < 0.87 * this.#base
    this.#learn(window, isLower)
    this.#measuredAt = now
    this.#free = 0
    this.#highest = this.#exact
    this.#phase = 'steady'
    this.#set(this.#exact)
    if (isLower) this.#measure()
  }

  /** Weighs what was known of the base and what was seen by how exact they are. */
  #learn({ mean, error }: LatencyWindow, isCertain = false): void {
    const difference = mean - this.#base
    const variance = this.#baseError ** 2
    const isOther = Math.abs(difference) > 3 * mean * Math.hypot(error, this.#baseError)
    const weight = isCertain || isOther ? 1 : Math.max(leastWeight, variance / (variance + error ** 2 || 1))
    this.#base += weight * difference
    this.#baseError = Math.hypot((1 - weight) * this.#baseError, weight * error)
  }

  #isBusy(window: LatencyWindow): boolean {
    return window.peak >= 0.8 * this.limit
  }

  #gradient({ mean, error }: LatencyWindow): number {
    const tolerance = 1.1 + this.#noiseTolerance * Math.hypot(error, this.#baseError)
    return Math.min(1, Math.max(0.5, (this.#base * tolerance) / mean))
  }

  /** Once a round trip: what had begun before a cut does not know of it. */
  #cut(now: number): void {
    this.#cutAt = now
    this.#cutFrom = this.#exact
    this.#free = 0
    if (this.#phase === 'starting') {
      this.#phase = 'steady'
      this.#measuredAt = now
    }
    const working = this.#rate > 0 ? this.#rate * this.#base : Number.POSITIVE_INFINITY
    // It has no room for what should be worked on: the base is too high.
    if (working > 0.9 * this.#exact && now - this.#measuredAt > 2000) this.#measuredAt = Number.NEGATIVE_INFINITY
    this.#set(Math.min(0.9 * this.#exact, working))
  }

  #set(exact: number): void {
    this.#exact = Math.min(this.#most, Math.max(this.#least, exact))
    this.#highest = Math.max(this.#highest, this.#exact)
    if (this.#phase !== 'draining' && this.#phase !== 'measuring') this.#show(this.#exact)
  }

  #show(limit: number): void {
    this.limit = Math.max(this.#least, Math.floor(limit))
  }
}

/** A mean is believed once its standard error is a tenth, or four round trips have passed. */
function isExact(window: LatencyWindow, now: number, baseMs: number): boolean {
  return window.error <= 0.1 || window.age(now) >= 4 * Math.max(100, baseMs)
}

const leastWeight = 0.3
const measureEveryMs = 10_000
const cautiousMs = 10_000
