import type { Clock, ScheduledCall } from '../core/clock.ts'
import { tickSince, unreadTick } from '../core/clock.ts'

/** A clock whose every pause is over at once, in its own time: what waits is in order, and nobody waits. */
export class InstantClock implements Clock {
  readonly coarseTick = unreadTick
  readonly bootId = 'instant-boot'
  #passedMs = 0

  now(): number {
    return Date.UTC(2026, 0, 1) + this.#passedMs
  }

  monotonic(): number {
    return this.#passedMs
  }

  look(): number {
    return this.tickOf(this.#passedMs)
  }

  tickOf(monotonicMs: number): number {
    return tickSince(0, monotonicMs)
  }

  onLook(): () => void {
    return () => {}
  }

  schedule(callback: () => void, delayMs: number): ScheduledCall {
    let isCancelled = false
    queueMicrotask(() => {
      if (isCancelled) return
      this.#passedMs += delayMs
      callback()
    })
    return {
      cancel: () => {
        isCancelled = true
      },
    }
  }
}
