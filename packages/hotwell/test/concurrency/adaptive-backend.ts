import type { AdaptiveLimit } from '../../src/concurrency/adaptive-limit.ts'

interface Request {
  readonly startedAt: number
  endsAt: number
  readonly outcome: 'ok' | 'overloaded'
}

/** A backend of so many workers and an endless queue, kept busy through a limit, in its own time. */
export class Backend {
  now = 1_000_000
  workers: number
  serviceMs: number
  /** Draws multiples of the service time. */
  draw: () => number
  /** How many are asked for at once at most; less than the limit is a weak demand. */
  demand = Number.POSITIVE_INFINITY
  /** Everything is turned away. */
  isDown = false
  served = 0
  rejected = 0
  readonly #limit: AdaptiveLimit
  readonly #working: Request[] = []
  readonly #queue: Request[] = []

  constructor(limit: AdaptiveLimit, workers: number, serviceMs: number, draw = () => 1) {
    this.#limit = limit
    this.workers = workers
    this.serviceMs = serviceMs
    this.draw = draw
  }

  get inFlight(): number {
    return this.#working.length + this.#queue.length
  }

  /** Lets time pass; returns the mean of what was in flight. */
  run(seconds: number): number {
    const begunAt = this.now
    const until = begunAt + 1000 * seconds
    let sum = 0
    while (this.now < until) {
      this.#fill()
      const next = this.#working.reduce((first, each) => (each.endsAt < first.endsAt ? each : first))
      sum += this.inFlight * (next.endsAt - this.now)
      this.now = next.endsAt
      this.#working.splice(this.#working.indexOf(next), 1)
      if (next.outcome === 'ok') this.served++
      else this.rejected++
      this.#limit.end(next.outcome, next.startedAt, this.now)
    }
    return sum / (this.now - begunAt)
  }

  #fill(): void {
    while (this.inFlight < Math.min(this.#limit.limit, this.demand)) {
      this.#limit.begin()
      const outcome = this.isDown ? 'overloaded' : 'ok'
      const request: Request = { startedAt: this.now, endsAt: 0, outcome }
      if (this.isDown) this.#begin(request, 5)
      else this.#queue.push(request)
    }
    const busy = () => this.#working.filter(each => each.outcome === 'ok').length
    while (this.#queue.length > 0 && busy() < this.workers)
      this.#begin(this.#queue.shift()!, this.serviceMs * this.draw())
  }

  #begin(request: Request, durationMs: number): void {
    request.endsAt = this.now + durationMs
    this.#working.push(request)
  }
}

/** The same numbers in [0, 1) for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Times that scatter as much as they last. */
export function exponential(seed: number): () => number {
  const random = seeded(seed)
  return () => -Math.log(1 - random())
}

/** One in ten takes ten times as long as the others. */
export function bimodal(seed: number): () => number {
  const random = seeded(seed * 7919)
  return () => (random() < 0.1 ? 10 / 1.9 : 1 / 1.9)
}
