import type { Clock } from '../core/clock.ts'
import type { DimensionNames } from './dimensions.ts'

/** Of those told by hand some may never be ended. */
const mostTracked = 10_000

/** What has started and not ended, and since when it is more than a limit. */
export class InFlight {
  readonly #clock: Clock
  readonly #running = new Map<string, DimensionNames>()
  #limit = Number.POSITIVE_INFINITY
  #crowdedAt: number | undefined
  peak = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#running.size
  }

  set limit(limit: number) {
    this.#limit = limit
    this.#judge()
  }

  /** For how long more have run than the limit allows, in ms; undefined: no more run now. */
  get crowdedForMs(): number | undefined {
    return this.#crowdedAt === undefined ? undefined : this.#clock.monotonic() - this.#crowdedAt
  }

  start(id: string, names: DimensionNames): void {
    this.#running.set(id, names)
    if (this.#running.size > mostTracked) this.#running.delete(this.#running.keys().next().value!)
    this.peak = Math.max(this.peak, this.#running.size)
    this.#judge()
  }

  /** What was said at its start; undefined if it was never started. */
  end(id: string): DimensionNames | undefined {
    const names = this.#running.get(id)
    if (this.#running.delete(id)) this.#judge()
    return names
  }

  /** The peak begins anew. */
  reset(): void {
    this.peak = this.#running.size
  }

  #judge(): void {
    if (this.#running.size <= this.#limit) this.#crowdedAt = undefined
    else this.#crowdedAt ??= this.#clock.monotonic()
  }
}
