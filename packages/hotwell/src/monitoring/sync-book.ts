import type { Clock } from '../core/clock.ts'
import type { BatchWritten, SyncEvents } from '../sync/sync-events.ts'
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
  /** Of the runs that have ended. */
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

  /** `tally`: what was done since the book began. */
  ended(state: RunState, tally: SyncTally, durationMs: number): void {
    if (state === 'completed') this.#lastCompletedAt = this.#clock.now()
    this.#ended[state === 'completed' || state === 'cancelled' ? state : 'failed']++
    this.left(tally, durationMs)
  }

  /** It runs on, and nobody listens any more. */
  left(tally: SyncTally, durationMs: number): void {
    this.#running--
    this.#tally.merge(tally)
    this.#throughput.ended(tally.processed, durationMs)
  }

  waiting(until: SyncEvents['run.waiting']['until']): void {
    this.#waits[until]++
  }

  /** `now`: monotonic ms. */
  batch(now: number, batch: BatchWritten): void {
    this.#throughput.add(now, batch)
  }

  /** `running`: what the runs of now have done since the book began. */
  figures(running: readonly SyncTally[]): SyncFigures {
    return { ...this.#whole(running).figures(), ...this.#throughput.figures(), runs: this.#runs() }
  }

  counters(running: readonly SyncTally[]): SyncCounters {
    const tally = this.#whole(running)
    return { ...tally.counts(), ...this.#throughput.rates(), ...tally.distributions(), runs: this.#runs() }
  }

  #whole(running: readonly SyncTally[]): SyncTally {
    if (running.length === 0) return this.#tally
    return running.reduce((sum, tally) => sum.merge(tally), new SyncTally().merge(this.#tally))
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
