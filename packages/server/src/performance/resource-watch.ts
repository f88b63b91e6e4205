import { type EventLoopUtilization, type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks'

/** What this process used in the last minute or so. */
export interface RecentUsage {
  /** How long "recent" is, in seconds. */
  windowSeconds: number
  /** Of one core, 0 to 1 and more. */
  cpuShare: number
  /** Share of the time that the event loop was not waiting, 0 to 1. */
  eventLoopUtilisation: number
  eventLoopDelay: { meanMs: number; p99Ms: number; maxMs: number }
}

interface Baseline {
  atMs: number
  cpu: NodeJS.CpuUsage
  utilisation: EventLoopUtilization
}

const windowMs = 60_000
/** A window that began just now says little; then the one before is told. */
const leastMs = 10_000
/** How often the delay of the event loop is looked at. */
const resolution = 20

/** Watches what the process uses, in windows of a minute. */
export class ResourceWatch implements Disposable {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution })
  #baseline = baseline()
  #former: RecentUsage | undefined
  readonly #timer: NodeJS.Timeout

  constructor() {
    this.#delay.enable()
    this.#timer = setInterval(() => this.#turn(), windowMs).unref()
  }

  recent(): RecentUsage {
    const elapsedMs = performance.now() - this.#baseline.atMs
    return (elapsedMs < leastMs && this.#former) || this.#usage(elapsedMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#delay.disable()
  }

  #turn(): void {
    this.#former = this.#usage(performance.now() - this.#baseline.atMs)
    this.#baseline = baseline()
    this.#delay.reset()
  }

  #usage(elapsedMs: number): RecentUsage {
    const { user, system } = process.cpuUsage(this.#baseline.cpu)
    const { mean, max } = this.#delay
    // The histogram holds the time between two looks; what is more than was asked for is delay. Empty, it has no mean.
    const delayMs = (ns: number) => (Number.isNaN(ns) || max === 0 ? 0 : Math.max(0, ns / 1e6 - resolution))
    return {
      windowSeconds: elapsedMs / 1000,
      cpuShare: (user + system) / 1000 / Math.max(1, elapsedMs),
      eventLoopUtilisation: performance.eventLoopUtilization(this.#baseline.utilisation).utilization,
      eventLoopDelay: { meanMs: delayMs(mean), p99Ms: delayMs(this.#delay.percentile(99)), maxMs: delayMs(max) },
    }
  }
}

function baseline(): Baseline {
  return { atMs: performance.now(), cpu: process.cpuUsage(), utilisation: performance.eventLoopUtilization() }
}
