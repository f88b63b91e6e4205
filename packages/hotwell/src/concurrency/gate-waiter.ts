import type { GateRequest, GateSlot } from './gate-contract.ts'
import type { Lane } from './gate-queue.ts'

/** Who waits. */
export class Waiter implements Ranked {
  readonly number: number
  readonly request: GateRequest
  readonly lane: Lane
  readonly arrivedAt: number
  /** The lane's {@link Lane.openMsAt} on arrival. */
  readonly openMs: number
  /** Waited for by somebody, or a preheat that has waited long enough to count as such. */
  urgent: boolean
  /** In its lane. */
  previous: Waiter | undefined
  next: Waiter | undefined
  /** Among all of its priority. */
  earlier: Waiter | undefined
  later: Waiter | undefined
  readonly resolve: (slot: GateSlot) => void
  readonly reject: (reason: unknown) => void

  constructor(facts: Pick<Waiter, 'number' | 'request' | 'lane' | 'arrivedAt' | 'resolve' | 'reject'>) {
    this.number = facts.number
    this.request = facts.request
    this.lane = facts.lane
    this.arrivedAt = facts.arrivedAt
    this.openMs = facts.lane.openMsAt(facts.arrivedAt)
    this.urgent = facts.request.priority === 'foreground'
    this.resolve = facts.resolve
    this.reject = facts.reject
  }

  /** For how long its account was taken while it waited. */
  lockWaitMs(now: number): number {
    return now - this.arrivedAt - (this.lane.openMsAt(now) - this.openMs)
  }
}

/** A place in the order of those who could run. */
export interface Ranked {
  /** In the order of arrival. */
  readonly number: number
  readonly urgent: boolean
}

/** Whether `a` is let in first where both could run. */
export function before(a: Ranked, b: Ranked): boolean {
  return a.urgent === b.urgent ? a.number < b.number : a.urgent
}

/** First in, first out, and out from anywhere. */
export class WaiterList {
  first: Waiter | undefined
  #last: Waiter | undefined

  add(waiter: Waiter): void {
    waiter.previous = this.#last
    if (this.#last) this.#last.next = waiter
    else this.first = waiter
    this.#last = waiter
  }

  remove(waiter: Waiter): void {
    if (waiter.previous) waiter.previous.next = waiter.next
    else this.first = waiter.next
    if (waiter.next) waiter.next.previous = waiter.previous
    else this.#last = waiter.previous
    waiter.previous = waiter.next = undefined
  }
}
