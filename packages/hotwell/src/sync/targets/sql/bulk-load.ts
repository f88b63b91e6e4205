import type { EventLoopUtilization } from 'node:perf_hooks'

/** A judgement needs so many records. */
const judgedRecords = 10_000
/** Smaller transactions are no bulk. */
const bulkRecords = 200
/** Other work that takes less than this share of the writing's time is not worth another thread. */
const worthwhileShare = 0.3

/**
 * Looks whether this thread has other things to do while it writes a great deal, such as reading what is written: then
 * both can go on at once.
 */
export class BulkLoad {
  #records = 0
  #writingMs = 0
  #since: EventLoopUtilization | undefined

  /** A transaction of so many records took so long in this thread. Returns whether another one is worth it. */
  wrote(records: number, ms: number): boolean {
    if (records < bulkRecords) return false
    this.#since ??= performance.eventLoopUtilization()
    this.#records += records
    this.#writingMs += ms
    if (this.#records < judgedRecords) return false
    const { active } = performance.eventLoopUtilization(this.#since)
    const isWorthIt = active - this.#writingMs > this.#writingMs * worthwhileShare
    this.forget()
    return isWorthIt
  }

  forget(): void {
    this.#records = 0
    this.#writingMs = 0
    this.#since = undefined
  }
}
