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
 * and reading either costs more than serving a token: so they are read once in each turn of the event loop in which
 * somebody asks.
 */
export interface Clock {
  /** The wall clock, in milliseconds since 1970. */
  now(): number
  /** The monotonic clock, in milliseconds since some instant before boot; the same in all processes of one boot. */
  monotonic(): number
  /**
   * {@link monotonic} in whole ticks of 50 ms since the clock was made, as it was at the first look in this turn of the
   * event loop; {@link unreadTick} before that look, whatever time has passed. A small integer in a plain field, because
   * the hot path compares with it.
   */
  readonly coarseTick: number
  /** Reads {@link coarseTick} if nobody has in this turn of the event loop, and returns it. */
  look(): number
  /** The tick in which a monotonic instant lies. */
  tickOf(monotonicMs: number): number
  /** Calls the listener at the first look in each turn; returns the function that ends it. */
  onLook(listener: () => void): () => void
  /** Names the boot of the machine, because monotonic instants of two boots cannot be compared. */
  readonly bootId: string
  /** Calls `callback` once, `delayMs` from now (below 2³¹). Never keeps the process alive. */
  schedule(callback: () => void, delayMs: number): ScheduledCall
}

/** The length of a tick of {@link Clock.coarseTick}, in milliseconds: small integers then last for three years. */
export const coarseTickMs = 50
/** Later than every tick. */
export const unreadTick = 2 ** 31 - 1
/** Before every tick. */
export const neverTick = -(2 ** 30)

class SystemClock implements Clock {
  coarseTick = unreadTick
  readonly bootId = readBootId()
  readonly #madeAt = this.monotonic()
  readonly #listeners = new Set<() => void>()

  /**
   * No timer could keep the reading up to date: when a process goes on that was stopped, or a machine that was
   * suspended, input may be served before any timer. Not unref'd: the loop would wait for input with the old reading.
   */
  look(): number {
    if (this.coarseTick !== unreadTick) return this.coarseTick
    const tick = this.tickOf(this.monotonic())
    this.coarseTick = tick
    setImmediate(this.#turned)
    for (const listener of this.#listeners) listener()
    return tick
  }

  readonly #turned = () => {
    this.coarseTick = unreadTick
  }

  tickOf(monotonicMs: number): number {
    return tickSince(this.#madeAt, monotonicMs)
  }

  onLook(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
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
}

/** The tick of an instant, kept between {@link neverTick} and {@link unreadTick}. */
export function tickSince(madeAt: number, monotonicMs: number): number {
  return Math.max(neverTick, Math.min(unreadTick - 1, Math.floor((monotonicMs - madeAt) / coarseTickMs)))
}

/** The machine's clocks. */
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
