import type { Clock } from '../core/clock.ts'
import type { BatchWritten, PageRead, SyncEvents } from '../sync/sync-events.ts'
import type { RunState } from '../sync/sync-stats.ts'
import type { BucketCounts } from './sync-distribution.ts'
import type { RunCounts, SyncFigures, SyncStage, ThroughputFigures, WorkCounts } from './sync-snapshot.ts'
import { SyncTally } from './sync-tally.ts'
import { SyncThroughput } from './sync-throughput.ts'

/** What costs little to say, for Prometheus. */
export interface SyncCounters extends WorkCounts, Omit<ThroughputFigures, 'movingAverages'> {
  readonly runs: RunCounts
  readonly stages: Readonly<Record<SyncStage, BucketCounts>>
  readonly batchRecords: BucketCounts
}

/** All that is known of one sync, or of all together. */
export class SyncBook {
  readonly #clock: Clock
  readonly #tally = new SyncTally()
  readonly #throughput: SyncThroughput
  readonly #ended = { completed: 0, failed: 0, cancelled: 0 }
  readonly #waits = { retry: 0, paused: 0 }
  #running = 0
  #lastCompletedAt: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#throughput = new SyncThroughput(clock)
  }

  began(): void {
    this.#running++
    this.#throughput.began()
  }

  /** `processed`: in this run, by this process. */
  ended(state: RunState, processed: number, durationMs: number): void {
    if (state === 'completed') this.#lastCompletedAt = this.#clock.now()
    this.#ended[state === 'completed' || state === 'cancelled' ? state : 'failed']++
    this.left(processed, durationMs)
  }

  /** It runs on, and nobody listens any more. */
  left(processed: number, durationMs: number): void {
    this.#running--
    this.#throughput.ended(processed, durationMs)
  }

  waiting(until: SyncEvents['run.waiting']['until']): void {
    this.#waits[until]++
  }

  page(page: PageRead): void {
    this.#tally.page(page)
  }

  batch(now: number, batch: BatchWritten): void {
    this.#tally.batch(batch)
    this.#throughput.add(now, batch)
  }

  givenUp(): void {
    this.#tally.givenUp()
  }

  deletedAbsent(records: number): void {
    this.#tally.deletedAbsent(records)
  }

  figures(): SyncFigures {
    return { ...this.#tally.figures(), ...this.#throughput.figures(), runs: this.#runs() }
  }

  counters(): SyncCounters {
    return {
      ...this.#tally.counts(),
      ...this.#throughput.rates(),
      ...this.#tally.distributions(),
      runs: this.#runs(),
    }
  }

  #runs(): RunCounts {
    return {
      running: this.#running,
      ...this.#ended,
      waits: { ...this.#waits },
      ...(this.#lastCompletedAt !== undefined && { lastCompletedAt: this.#lastCompletedAt }),
    }
  }
}
