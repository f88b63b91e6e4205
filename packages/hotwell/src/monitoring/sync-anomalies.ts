import type { Clock } from '../core/clock.ts'
import type { BatchWritten, PageRead } from '../sync/sync-events.ts'
import { type Anomaly, AnomalyWatch } from './anomalies.ts'

/** Something about a sync that is far from what it was. */
export interface SyncAnomaly extends Omit<Anomaly, 'metric'> {
  readonly sync: string
  /**
   * Seconds that a thousand records take to be read or written, or the share of transactions that had to be repeated
   * or had records refused.
   */
  readonly metric: SyncAnomalyMetric
}

export type SyncAnomalyMetric = 'readSecondsPerThousand' | 'writeSecondsPerThousand' | 'failureRate'

/** Watches one sync by the same rule as acquisitions are: minutes that are far from those before. */
export class SyncAnomalyWatch {
  readonly #sync: string
  readonly #reads: PaceWatch
  readonly #writes: PaceWatch
  readonly #failures: AnomalyWatch

  constructor(sync: string, clock: Clock) {
    this.#sync = sync
    this.#reads = new PaceWatch(clock)
    this.#writes = new PaceWatch(clock)
    this.#failures = new AnomalyWatch(clock)
  }

  /** `now`: monotonic ms. */
  page(now: number, { records, readMs }: PageRead): void {
    this.#reads.record(now, records, readMs)
  }

  batch(now: number, { records, writeMs, attempts, failed }: BatchWritten): void {
    this.#writes.record(now, records, writeMs)
    this.#failures.record(now, attempts === 1 && failed === 0, 0)
  }

  current(): SyncAnomaly[] {
    const sync = this.#sync
    const of = (metric: SyncAnomalyMetric, anomalies: Anomaly[], say: (anomaly: Anomaly) => string) =>
      anomalies.map((anomaly): SyncAnomaly => ({ ...anomaly, sync, metric, message: say(anomaly) }))
    const slow = (done: string) => (anomaly: Anomaly) =>
      `${done} 1,000 records takes ${seconds(anomaly.value)} s in the mean; it was ${seconds(anomaly.baseline)} s before.`
    return [
      ...of('readSecondsPerThousand', this.#reads.watch.current(), slow('Reading')),
      ...of('writeSecondsPerThousand', this.#writes.watch.current(), slow('Writing')),
      ...of(
        'failureRate',
        this.#failures.current(),
        ({ value, baseline }) =>
          `${percent(value)} of the transactions are repeated or have records refused; ${percent(baseline)} did before.`,
      ),
    ]
  }
}

/**
 * How long a thousand records take. A small page or batch takes longer a record, which is no news: only those of half
 * the size of the largest are looked at.
 */
class PaceWatch {
  readonly watch: AnomalyWatch
  #largest = 0

  constructor(clock: Clock) {
    this.watch = new AnomalyWatch(clock)
  }

  record(now: number, records: number, tookMs: number): void {
    if (records === 0 || records < this.#largest / 2) return
    this.#largest = Math.max(this.#largest, records)
    // Milliseconds a record are seconds a thousand records.
    this.watch.record(now, true, tookMs / records)
  }
}

function seconds(value: number): string {
  return value.toPrecision(3)
}

function percent(rate: number): string {
  return `${(rate * 100).toFixed(1)}%`
}
