import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'

/** A call that a {@link Clock} will make. */
export interface ScheduledCall {
  /** After this the call is not made any more. Cancelling twice, or too late, does nothing. */
  cancel(): void
}

/**
 * All time in Hotwell comes from here, so that tests run on a fake clock.
 * Three readings, because none is enough alone: the wall clock jumps, Linux's monotonic clock stands still in suspend,
 * and reading either costs more than serving a token.
 */
export interface Clock {
  /** The wall clock, in milliseconds since 1970. */
  now(): number
  /** The monotonic clock, in milliseconds since some instant before boot; the same in all processes of one boot. */
  monotonic(): number
  /** {@link monotonic}, at most about 50 ms behind while the event loop turns; a plain field, for the hot path. */
  readonly coarseMs: number
  /** Names the boot of the machine, because monotonic instants of two boots cannot be compared. */
  readonly bootId: string
  /** Calls `callback` once, `delayMs` from now (below 2³¹). Never keeps the process alive. */
  schedule(callback: () => void, delayMs: number): ScheduledCall
  /** Stops whatever keeps `coarseMs` up to date. */
  stop(): void
}

/** How far {@link Clock.coarseMs} may lag, in milliseconds. */
export const coarseTickMs = 50

class SystemClock implements Clock {
  coarseMs: number
  readonly bootId = readBootId()
  readonly #ticker: NodeJS.Timeout

  constructor() {
    this.coarseMs = this.monotonic()
    this.#ticker = setInterval(() => {
      this.coarseMs = this.monotonic()
    }, coarseTickMs)
    this.#ticker.unref()
  }

  now(): number {
    return Date.now()
  }

  monotonic(): number {
    const [seconds, nanoseconds] = process.hrtime()
    return seconds * 1000 + nanoseconds / 1e6
  }

  schedule(callback: () => void, delayMs: number): ScheduledCall {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  }

  stop(): void {
    clearInterval(this.#ticker)
  }
}

/** The machine's clocks. Each call makes its own; `stop()` ends its 50 ms tick. */
export function createSystemClock(): Clock {
  return new SystemClock()
}

/** Linux and macOS name each boot; elsewhere the boot instant, to ten minutes, has to do. */
function readBootId(): string {
  try {
    if (process.platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    if (process.platform === 'darwin')
      return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim()
  } catch {
    // A sandbox may forbid either.
  }
  return `boot-${Math.round((Date.now() / 1000 - uptime()) / 600)}`
}

/**
 * Resolves after `delayMs`; rejects with the signal's reason when that aborts first.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const call = clock.schedule(() => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }, delayMs)
    const aborted = () => {
      call.cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', aborted, { once: true })
  })
}
