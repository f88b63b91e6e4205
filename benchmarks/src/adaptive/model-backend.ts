import type { AttemptOutcome } from 'hotwell/concurrency'
import type { FakeClock } from 'hotwell/testing'

/** What a backend can do at some time. */
export interface Capacity {
  /** How many requests it works on at once. */
  readonly workers: number
  /** Requests a second that it lets in; one more is answered 429. @default all */
  readonly perSecond?: number
}

export interface BackendOptions {
  readonly clock: FakeClock
  readonly random: () => number
  readonly capacity: Capacity
  /** The mean of the time it works on a request, in ms. */
  readonly serviceMs: number
  /** The time of one request as a multiple of the mean: draws with a mean of 1. */
  readonly draw: (random: () => number) => number
  /** How many requests may wait for each worker; one more is answered 503. */
  readonly queuePerWorker: number
}

/** Turning a request away takes the way there and back only. */
const rejectMs = 20
const quotaBurst = 5

/** A service of so many workers with one bounded queue, on the simulated clock. */
export class ModelBackend {
  /** By which the time of every request is multiplied. */
  slowness = 1
  busy = 0
  capacity: Capacity
  readonly #options: BackendOptions
  readonly #queue: (() => void)[] = []
  #level = quotaBurst
  #levelAt = 0

  constructor(options: BackendOptions) {
    this.#options = options
    this.capacity = options.capacity
  }

  /** Those that wait and those that are worked on. */
  get inside(): number {
    return this.busy + this.#queue.length
  }

  /** How many requests a second it can serve. */
  get possiblePerSecond(): number {
    return Math.min(this.#workedPerSecond, this.capacity.perSecond ?? Number.POSITIVE_INFINITY)
  }

  get isLimitedByQuota(): boolean {
    return this.possiblePerSecond < this.#workedPerSecond
  }

  get #workedPerSecond(): number {
    return (this.capacity.workers * 1000) / (this.#options.serviceMs * this.slowness)
  }

  request(): Promise<AttemptOutcome> {
    const { promise, resolve } = Promise.withResolvers<AttemptOutcome>()
    const { clock, queuePerWorker } = this.#options
    const reject = (outcome: AttemptOutcome) => clock.schedule(() => resolve(outcome), rejectMs)
    if (!this.#withinQuota()) reject('rate_limited')
    else if (this.busy < this.capacity.workers) this.#work(resolve)
    else if (this.#queue.length < queuePerWorker * this.capacity.workers) this.#queue.push(() => this.#work(resolve))
    else reject('overloaded')
    return promise
  }

  #work(resolve: (outcome: AttemptOutcome) => void): void {
    const { clock, random, draw, serviceMs } = this.#options
    this.busy++
    clock.schedule(
      () => {
        this.busy--
        resolve('ok')
        if (this.busy < this.capacity.workers) this.#queue.shift()?.()
      },
      serviceMs * this.slowness * draw(random),
    )
  }

  /** More workers find what waits. */
  change(capacity: Capacity): void {
    this.capacity = capacity
    while (this.busy < capacity.workers && this.#queue.length > 0) this.#queue.shift()!()
  }

  #withinQuota(): boolean {
    const { perSecond } = this.capacity
    if (perSecond === undefined) return true
    const now = this.#options.clock.monotonic()
    this.#level = Math.min(quotaBurst, this.#level + ((now - this.#levelAt) / 1000) * perSecond)
    this.#levelAt = now
    if (this.#level < 1) return false
    this.#level--
    return true
  }
}
