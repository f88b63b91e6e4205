import type { Clock } from '../core/clock.ts'
import { RateCounter } from '../core/moving-average.ts'
import type { BatchWritten } from '../sync/sync-events.ts'
import type { SyncMovingFigures, ThroughputFigures } from './sync-snapshot.ts'
import { errorRate } from './sync-tally.ts'

const nowMs = 10_000
const nowSlices = 100
const minuteMs = 60_000
const longestMs = 15 * minuteMs
const longSlices = 90
/** The rate of a shorter run says more of its start than of how fast it is. */
const leastRunMs = 100
/** What comes in between is summed up first: transactions may be small and many. */
const countEveryMs = 50

/** How fast records go through: now, at most, and over the last minutes. */
export class SyncThroughput {
  readonly #clock: Clock
  readonly #records: RateCounter
  readonly #bytes: RateCounter
  readonly #longRecords: RateCounter
  readonly #longFailed: RateCounter
  #peak = 0
  #uncounted = { records: 0, bytes: 0, failed: 0 }
  #countedAt = Number.NEGATIVE_INFINITY
  #running = 0
  /** When the first of those that run began; monotonic. */
  #busySinceMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
    const now = { clock, windowMs: nowMs, slices: nowSlices }
    const long = { clock, windowMs: longestMs, slices: longSlices }
    this.#records = new RateCounter(now)
    this.#bytes = new RateCounter(now)
    this.#longRecords = new RateCounter(long)
    this.#longFailed = new RateCounter(long)
  }

  began(): void {
    if (this.#running++ === 0) this.#busySinceMs = this.#clock.monotonic()
  }

  /** A run ended, or nobody listens to it any more. */
  ended(processed: number, durationMs: number): void {
    this.#count()
    this.#running--
    if (durationMs >= leastRunMs && durationMs < nowMs) this.#reached((processed * 1000) / durationMs)
  }

  /** `now`: monotonic ms. */
  add(now: number, { records, bytes, failed }: BatchWritten): void {
    this.#uncounted.records += records
    this.#uncounted.bytes += bytes
    this.#uncounted.failed += failed
    if (now - this.#countedAt < countEveryMs) return
    this.#countedAt = now
    this.#count()
    this.#reached(this.#over(this.#records))
  }

  /** Without the moving averages. */
  rates(): Omit<ThroughputFigures, 'movingAverages'> {
    this.#count()
    const recordsPerSecond = this.#over(this.#records)
    this.#reached(recordsPerSecond)
    return { recordsPerSecond, peakRecordsPerSecond: this.#peak, bytesPerSecond: this.#over(this.#bytes) }
  }

  figures(): ThroughputFigures {
    return {
      ...this.rates(),
      movingAverages: {
        oneMinute: this.#moving(minuteMs),
        fiveMinutes: this.#moving(5 * minuteMs),
        fifteenMinutes: this.#moving(longestMs),
      },
    }
  }

  #count(): void {
    const { records, bytes, failed } = this.#uncounted
    if (records === 0 && bytes === 0 && failed === 0) return
    this.#records.add(records)
    this.#bytes.add(bytes)
    this.#longRecords.add(records)
    this.#longFailed.add(failed)
    this.#uncounted = { records: 0, bytes: 0, failed: 0 }
  }

  #over(counter: RateCounter): number {
    const busyMs = this.#running > 0 ? this.#clock.monotonic() - this.#busySinceMs : nowMs
    return counter.perSecondOver(Math.min(nowMs, Math.max(1000, busyMs)))
  }

  #moving(spanMs: number): SyncMovingFigures {
    const recordsPerSecond = this.#longRecords.perSecondOver(spanMs)
    return { recordsPerSecond, errorRate: errorRate(this.#longFailed.perSecondOver(spanMs), recordsPerSecond) }
  }

  #reached(perSecond: number): void {
    if (perSecond > this.#peak) this.#peak = perSecond
  }
}
