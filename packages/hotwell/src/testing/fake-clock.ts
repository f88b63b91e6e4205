import { type Clock, type ScheduledCall, tickSince, unreadTick } from '../core/clock.ts'

interface Due {
  at: number
  order: number
  callback: (() => void) | undefined
}

/**
 * A clock that moves only when it is told to. Wall and monotonic clock can be moved apart, as in suspend and when
 * somebody sets the time.
 */
export class FakeClock implements Clock {
  coarseTick = unreadTick
  readonly bootId: string
  #wall: number
  #monotonic: number
  #order = 0
  readonly #madeAt: number
  readonly #listeners = new Set<() => void>()
  /** A binary heap by instant, then by order. */
  readonly #due: Due[] = []

  /** Starts at `startAt` (wall clock, ms; default 2026-01-01T00:00:00Z), 1,000 s after boot. */
  constructor(options: { startAt?: number; monotonicMs?: number; bootId?: string } = {}) {
    const { startAt = Date.UTC(2026, 0, 1), monotonicMs = 1_000_000, bootId = 'fake-boot' } = options
    this.#wall = startAt
    this.#monotonic = monotonicMs
    this.#madeAt = monotonicMs
    this.bootId = bootId
  }

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#monotonic
  }

  schedule(callback: () => void, delayMs: number): ScheduledCall {
    const due: Due = { at: this.#monotonic + Math.max(0, delayMs), order: this.#order++, callback }
    this.#push(due)
    return {
      cancel: () => {
        due.callback = undefined
      },
    }
  }

  look(): number {
    if (this.coarseTick === unreadTick) {
      this.coarseTick = this.tickOf(this.#monotonic)
      for (const listener of this.#listeners) listener()
    }
    return this.coarseTick
  }

  tickOf(monotonicMs: number): number {
    return tickSince(this.#madeAt, monotonicMs)
  }

  onLook(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Moves both clocks, making every call that falls due on the way, and lets what they start settle in between. */
  async advance(byMs: number): Promise<void> {
    const end = this.#monotonic + byMs
    await settled()
    for (let next = this.#due[0]; next && next.at <= end; next = this.#due[0]) {
      this.#pop()
      if (!next.callback) continue
      this.#move(Math.max(0, next.at - this.#monotonic))
      next.callback()
      await settled()
    }
    this.#move(end - this.#monotonic)
    await settled()
  }

  /** Moves both clocks without making a call: a process that was stopped, or an event loop that was blocked. */
  freeze(byMs: number): void {
    this.#move(byMs)
  }

  /** Somebody sets the wall clock. The monotonic clock does not notice. */
  jumpWall(byMs: number): void {
    this.#wall += byMs
    this.coarseTick = unreadTick
  }

  /** How many calls wait. */
  get pending(): number {
    return this.#due.reduce((count, due) => count + (due.callback ? 1 : 0), 0)
  }

  #move(byMs: number): void {
    this.#wall += byMs
    this.#monotonic += byMs
    this.coarseTick = unreadTick
  }

  #push(due: Due): void {
    const heap = this.#due
    let index = heap.length
    heap.push(due)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!before(due, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = due
  }

  #pop(): void {
    const heap = this.#due
    const last = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}

/** Lets everything run that waits for nothing but promises. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

function before(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
