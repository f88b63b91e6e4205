import type { Clock, ScheduledCall } from './clock.ts'
import { type HeapNode, IndexedHeap } from './indexed-heap.ts'

/** Timers of 2³¹ ms and more fire at once (HTML standard, timers; Node.js `setTimeout`). */
const longestTimerMs = 2 ** 31 - 1

/** After so many deliveries the event loop gets a turn, so that a process that slept long does not stall its callers. */
const deliveriesPerTurn = 256

interface Deadline<T> extends HeapNode {
  readonly item: T
  dueAt: number
  order: number
}

/**
 * Many deadlines, one timer. Each item has at most one deadline, an instant of the monotonic clock; setting and
 * deleting cost O(log n). What is due is delivered in the order of deadlines, those of one instant in the order in
 * which they were set, never from within `set`, and also when the timer comes late because the process was stopped.
 */
export class DeadlineHeap<T> {
  readonly #clock: Clock
  readonly #onError: (error: unknown, item: T) => void
  readonly #deadlines = new Map<T, Deadline<T>>()
  readonly #heap = new IndexedHeap<Deadline<T>>(
    (a, b) => a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order),
  )
  #order = 0
  #onDue: ((item: T, dueAt: number) => void) | undefined
  #timer: ScheduledCall | undefined
  #timerAt = Number.POSITIVE_INFINITY

  /** `onError` gets what the listener throws; the items after that one are delivered all the same. */
  constructor(clock: Clock, onError: (error: unknown, item: T) => void = () => {}) {
    this.#clock = clock
    this.#onError = onError
  }

  get size(): number {
    return this.#deadlines.size
  }

  /** The item that is due next, without taking it out. */
  peek(): { readonly item: T; readonly dueAt: number } | undefined {
    return this.#heap.peek()
  }

  /** When the item is due, if it has a deadline. */
  dueAt(item: T): number | undefined {
    return this.#deadlines.get(item)?.dueAt
  }

  /** Gives the item a deadline (monotonic ms; `Infinity`: none yet), in place of the one it had. */
  set(item: T, dueAt: number): void {
    if (Number.isNaN(dueAt)) throw new RangeError('A deadline has to be a number of milliseconds, it is NaN.')
    let deadline = this.#deadlines.get(item)
    if (deadline) {
      deadline.dueAt = dueAt
      deadline.order = this.#order++
    } else {
      deadline = { item, dueAt, order: this.#order++, heapIndex: -1 }
      this.#deadlines.set(item, deadline)
    }
    this.#heap.place(deadline)
    if (dueAt < this.#timerAt) this.#arm()
  }

  /** False: the item had no deadline. */
  delete(item: T): boolean {
    const deadline = this.#deadlines.get(item)
    if (!deadline) return false
    this.#deadlines.delete(item)
    return this.#heap.remove(deadline)
  }

  /** Delivers from now on, also what fell due before. An item has left the heap when `onDue` gets it. */
  start(onDue: (item: T, dueAt: number) => void): void {
    this.#onDue = onDue
    this.#arm()
  }

  /** Delivers no more and drops the timer; the deadlines stay. */
  stop(): void {
    this.#onDue = undefined
    this.#disarm()
  }

  #arm(): void {
    this.#disarm()
    const next = this.#heap.peek()
    if (!next || !this.#onDue) return
    const now = this.#clock.monotonic()
    // Timers count whole milliseconds: rounding down would wake before the deadline.
    const delayMs = Math.min(longestTimerMs, Math.max(0, Math.ceil(next.dueAt - now)))
    this.#timerAt = now + delayMs
    this.#timer = this.#clock.schedule(() => this.#deliver(), delayMs)
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  #deliver(): void {
    // Until the end of the turn nothing that is set needs a timer of its own.
    this.#timerAt = Number.NEGATIVE_INFINITY
    const now = this.#clock.monotonic()
    for (let count = 0; count < deliveriesPerTurn; count++) {
      const next = this.#heap.peek()
      if (!next || next.dueAt > now || !this.#onDue) break
      this.delete(next.item)
      try {
        this.#onDue(next.item, next.dueAt)
      } catch (error) {
        this.#onError(error, next.item)
      }
    }
    this.#arm()
  }
}
