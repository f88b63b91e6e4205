/** One acquisition that callers share. */
export interface Flight<T, Why> {
  readonly why: Why
  readonly promise: Promise<T>
}

interface Queued<T, Why> {
  why: Why
  readonly promise: Promise<T>
  readonly resolve: (flight: Promise<T>) => void
}

/**
 * The flights of one ref in this process: at most one runs and at most one waits behind it.
 * Invariant: a caller of {@link next} gets the outcome of a flight that started after its call.
 */
export class Flights<T, Why> {
  readonly #fly: (why: Why) => Promise<T>
  readonly #both: (first: Why, then: Why) => Why
  #running: Flight<T, Why> | undefined
  #queued: Queued<T, Why> | undefined
  #outdated = false

  /** `both`: why a flight starts that two have queued for. */
  constructor(fly: (why: Why) => Promise<T>, both: (first: Why, then: Why) => Why) {
    this.#fly = fly
    this.#both = both
  }

  get running(): Flight<T, Why> | undefined {
    return this.#running
  }

  /** The flight that runs, unless it is outdated, or a new one. */
  join(why: Why): Promise<T> {
    return this.#outdated ? this.next(why) : (this.#running ?? this.#start(why)).promise
  }

  /** What the running flight brings is for those who wait already: who joins from now on gets the next one's. */
  outdate(): void {
    this.#outdated = this.#running !== undefined
  }

  /** A flight that starts from now on: at once, or behind the running one together with all who asked meanwhile. */
  next(why: Why): Promise<T> {
    if (!this.#running) return this.#start(why).promise
    if (this.#queued) this.#queued.why = this.#both(this.#queued.why, why)
    else {
      const { promise, resolve } = Promise.withResolvers<T>()
      promise.catch(() => {})
      this.#queued = { why, promise, resolve }
    }
    return this.#queued.promise
  }

  #start(why: Why): Flight<T, Why> {
    const flight = { why, promise: this.#fly(why) }
    this.#running = flight
    // Registered before any caller's, so that callers who see the outcome find the next flight running already.
    flight.promise.then(this.#landed, this.#landed)
    return flight
  }

  readonly #landed = () => {
    this.#running = undefined
    this.#outdated = false
    const queued = this.#queued
    if (!queued) return
    this.#queued = undefined
    queued.resolve(this.#start(queued.why).promise)
  }
}

/** Waits for a promise that others share: the signal ends this wait, never what is waited for. */
export function withSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
  })
}
