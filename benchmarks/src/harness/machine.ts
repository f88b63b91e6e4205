import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'

/** What figures were taken on, for people. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly system: string
  readonly node: string
  /** Of the last minute, when it was asked: above a few tenths something else is running. */
  readonly load: number
  readonly at: string
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? process.arch,
    cores: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()} ${process.arch}`,
    node: process.version,
    load: loadavg()[0]!,
    at: new Date().toISOString(),
  }
}
