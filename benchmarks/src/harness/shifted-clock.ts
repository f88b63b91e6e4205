import { type Clock, createSystemClock } from 'hotwell/core'

/**
 * The machine's clocks, moved ahead together: hours pass at once, while timers and what is measured stay real. Nothing
 * is due earlier by it; a token is only found older by whoever looks at it.
 */
export interface ShiftedClock extends Clock {
  /** In a turn of the event loop of its own, as when the machine was asleep. */
  skip(byMs: number): Promise<void>
}

export function createShiftedClock(): ShiftedClock {
  const clock = createSystemClock()
  const now = clock.now.bind(clock)
  const monotonic = clock.monotonic.bind(clock)
  let aheadMs = 0
  return Object.assign(clock, {
    now: () => now() + aheadMs,
    monotonic: () => monotonic() + aheadMs,
    async skip(byMs: number) {
      aheadMs += byMs
      await new Promise(resolve => setImmediate(resolve))
    },
  })
}
