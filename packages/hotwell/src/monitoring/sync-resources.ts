/** What a process has used so far. */
export interface ResourceUsage {
  /** Of all threads, user and system. */
  readonly cpuSeconds: number
  /** Of the thread that asks, where the platform tells. */
  readonly threadCpuSeconds?: number
  readonly rssBytes: number
  /** JavaScript's, of the thread that asks. */
  readonly heapBytes: number
}

/** CPU is in cores: 1 is one core that does nothing else. Peaks and seconds are of the time in which a run runs. */
export interface ResourceFigures {
  readonly cpuSeconds: number
  readonly cpuCores: number
  readonly peakCpuCores: number
  readonly threadCpuSeconds?: number
  readonly threadCpuCores?: number
  readonly peakThreadCpuCores?: number
  readonly rssBytes: number
  readonly peakRssBytes: number
  readonly heapBytes: number
  readonly peakHeapBytes: number
}

/** To ask the system takes 20 µs, and the CPU time of a shorter span is mostly rounding. */
const leastSpanMs = 100

/** Looks at what the process uses whenever something happens; there is no timer. */
export class ResourceWatch {
  readonly #read: () => ResourceUsage
  #usage: ResourceUsage
  #readAt: number
  #wasBusy = false
  #cpu: Rate = noRate
  #thread: Rate | undefined
  #peakRssBytes = 0
  #peakHeapBytes = 0

  /** `now`: monotonic ms, here and below. */
  constructor(read: () => ResourceUsage, now: number) {
    this.#read = read
    this.#usage = read()
    this.#readAt = now
  }

  /** What is used, as of now or of 100 ms ago. `isBusy`: whether a run runs from now on. */
  look(now: number, isBusy: boolean): ResourceUsage {
    const spanMs = now - this.#readAt
    if (spanMs < leastSpanMs && this.#wasBusy === isBusy) return this.#usage
    const former = this.#usage
    const usage = this.#read()
    this.#cpu = next(this.#cpu, usage.cpuSeconds - former.cpuSeconds, spanMs, this.#wasBusy)
    if (usage.threadCpuSeconds !== undefined && former.threadCpuSeconds !== undefined) {
      const seconds = usage.threadCpuSeconds - former.threadCpuSeconds
      this.#thread = next(this.#thread ?? noRate, seconds, spanMs, this.#wasBusy)
    }
    if (this.#wasBusy || isBusy) {
      this.#peakRssBytes = Math.max(this.#peakRssBytes, usage.rssBytes)
      this.#peakHeapBytes = Math.max(this.#peakHeapBytes, usage.heapBytes)
    }
    this.#usage = usage
    this.#readAt = now
    this.#wasBusy = isBusy
    return usage
  }

  figures(now: number): ResourceFigures {
    const { rssBytes, heapBytes } = this.look(now, this.#wasBusy)
    const { seconds: cpuSeconds, cores: cpuCores, peakCores: peakCpuCores } = this.#cpu
    const thread = this.#thread && {
      threadCpuSeconds: this.#thread.seconds,
      threadCpuCores: this.#thread.cores,
      peakThreadCpuCores: this.#thread.peakCores,
    }
    return {
      cpuSeconds,
      cpuCores,
      peakCpuCores,
      ...thread,
      rssBytes,
      peakRssBytes: this.#peakRssBytes,
      heapBytes,
      peakHeapBytes: this.#peakHeapBytes,
    }
  }

  reset(): void {
    this.#cpu = noRate
    this.#thread = undefined
    this.#peakRssBytes = this.#peakHeapBytes = 0
  }
}

interface Rate {
  readonly seconds: number
  readonly cores: number
  readonly peakCores: number
}

const noRate: Rate = { seconds: 0, cores: 0, peakCores: 0 }

function next(rate: Rate, seconds: number, spanMs: number, isBusy: boolean): Rate {
  const cores = spanMs >= leastSpanMs ? (seconds * 1000) / spanMs : rate.cores
  if (!isBusy) return { ...rate, cores }
  return { seconds: rate.seconds + seconds, cores, peakCores: Math.max(rate.peakCores, cores) }
}

/** Of this process, and of the thread that calls it. */
export function processUsage(): ResourceUsage {
  const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage()
  const thread = threadCpuSeconds()
  const used = { cpuSeconds: secondsOf(process.cpuUsage()), rssBytes, heapBytes }
  return thread === undefined ? used : { ...used, threadCpuSeconds: thread }
}

function threadCpuSeconds(): number | undefined {
  try {
    return secondsOf(process.threadCpuUsage())
  } catch {
    // Not every system tells.
    return undefined
  }
}

function secondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6
}
