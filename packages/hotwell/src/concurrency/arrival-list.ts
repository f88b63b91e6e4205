import type { Waiter } from './gate-queue.ts'

/**
 * All who wait with one priority, in the order in which they came. Everybody may wait equally long, so they run out of
 * time in that order too: one deadline is enough, that of the first, and it costs nothing to be let in before it.
 */
export class ArrivalList {
  first: Waiter | undefined
  /** The first who has not become urgent; they do so in the order in which they came. */
  patient: Waiter | undefined
  #last: Waiter | undefined

  /** True: the deadline of the list is now that of this waiter. */
  add(waiter: Waiter): boolean {
    waiter.earlier = this.#last
    if (this.#last) this.#last.later = waiter
    else this.first = waiter
    this.#last = waiter
    if (!waiter.urgent) this.patient ??= waiter
    return this.first === waiter || this.patient === waiter
  }

  remove(waiter: Waiter): void {
    if (this.patient === waiter) this.patient = waiter.later
    if (waiter.earlier) waiter.earlier.later = waiter.later
    else this.first = waiter.later
    if (waiter.later) waiter.later.earlier = waiter.earlier
    else this.#last = waiter.earlier
    waiter.earlier = waiter.later = undefined
  }

  hurry(waiter: Waiter): void {
    waiter.urgent = true
    this.patient = waiter.later
  }

  /** When the first one becomes urgent or runs out of time, if everybody may wait for `longestMs`. */
  nextAt(longestMs: number): number | undefined {
    const { first, patient } = this
    if (!first) return undefined
    const endsAt = first.arrivedAt + longestMs
    return patient ? Math.min(endsAt, patient.arrivedAt + longestMs / 2) : endsAt
  }
}
