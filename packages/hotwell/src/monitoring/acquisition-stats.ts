import type { Clock } from '../core/clock.ts'
import { WindowedHistogram } from '../core/histogram.ts'
import type { AcquisitionRecord, AcquisitionTrigger } from '../tokens/acquisition-record.ts'
import type { AcquisitionStatus } from '../tokens/failure.ts'

/** Upper bounds of the duration buckets, in seconds: from an answer on the same machine to the longest hold. */
export const durationBoundsSeconds: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
]

/** What was counted for one kind of one provider since the start. */
export interface AcquisitionFigures {
  readonly provider: string
  readonly kind: string
  readonly counts: readonly {
    readonly status: AcquisitionStatus
    readonly trigger: AcquisitionTrigger
    readonly count: number
  }[]
  readonly durations: {
    /** For each of {@link durationBoundsSeconds} how many took at most that long. */
    readonly buckets: readonly number[]
    readonly sumSeconds: number
    readonly count: number
  }
}

/** How long a provider's acquisitions took lately. */
export interface RecentDurations {
  readonly provider: string
  /** How many of them the window holds. */
  readonly count: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

export interface AcquisitionStatsOptions {
  clock: Clock
  /** How far {@link AcquisitionStats.recentDurations} looks back. @default 900 */
  windowSeconds?: number
}

/**
 * Figures of acquisitions, derived from their records alone. Memory grows with providers and kinds, which the
 * configuration bounds, never with subjects.
 */
export class AcquisitionStats {
  readonly #clock: Clock
  readonly #windowMs: number
  readonly #providers = new Map<string, { kinds: Map<string, Group>; recent: WindowedHistogram }>()

  constructor({ clock, windowSeconds = 900 }: AcquisitionStatsOptions) {
    this.#clock = clock
    this.#windowMs = windowSeconds * 1000
  }

  recordAcquisition(record: AcquisitionRecord): void {
    const { provider, kind, status, trigger } = record
    const totalMs = Math.max(0, record.totalMs)
    let known = this.#providers.get(provider)
    if (!known) {
      const recent = new WindowedHistogram({ clock: this.#clock, windowMs: this.#windowMs })
      this.#providers.set(provider, (known = { kinds: new Map(), recent }))
    }
    let group = known.kinds.get(kind)
    if (!group) known.kinds.set(kind, (group = new Group(provider, kind)))
    group.add(status, trigger, totalMs / 1000)
    known.recent.record(totalMs)
  }

  /** Everything since the start, by provider and kind. */
  figures(): AcquisitionFigures[] {
    return [...this.#providers.values()].flatMap(({ kinds }) => [...kinds.values()].map(group => group.figures()))
  }

  /** The durations of the last minutes, by provider; a provider without any is left out. */
  recentDurations(): RecentDurations[] {
    return [...this.#providers].flatMap(([provider, { recent }]) => {
      const histogram = recent.current()
      if (histogram.count === 0) return []
      return {
        provider,
        count: histogram.count,
        p50Ms: histogram.percentile(0.5),
        p95Ms: histogram.percentile(0.95),
        p99Ms: histogram.percentile(0.99),
      }
    })
  }

  reset(): void {
    this.#providers.clear()
  }
}

class Group {
  readonly provider: string
  readonly kind: string
  readonly #counts: { status: AcquisitionStatus; trigger: AcquisitionTrigger; count: number }[] = []
  /** Each duration in the first bucket that holds it; the last one holds what exceeds every bound. */
  readonly #buckets = new Array<number>(durationBoundsSeconds.length + 1).fill(0)
  #sumSeconds = 0
  #count = 0

  constructor(provider: string, kind: string) {
    this.provider = provider
    this.kind = kind
  }

  add(status: AcquisitionStatus, trigger: AcquisitionTrigger, seconds: number): void {
    // At most one for each status and trigger; the usual ones come first, since they are met first.
    const counted = this.#counts.find(one => one.status === status && one.trigger === trigger)
    if (counted) counted.count++
    else this.#counts.push({ status, trigger, count: 1 })
    const bucket = durationBoundsSeconds.findIndex(bound => seconds <= bound)
    this.#buckets[bucket < 0 ? durationBoundsSeconds.length : bucket]!++
    this.#sumSeconds += seconds
    this.#count++
  }

  figures(): AcquisitionFigures {
    let sum = 0
    return {
      provider: this.provider,
      kind: this.kind,
      counts: this.#counts.map(counted => ({ ...counted })),
      durations: {
        buckets: durationBoundsSeconds.map((_, index) => (sum += this.#buckets[index]!)),
        sumSeconds: this.#sumSeconds,
        count: this.#count,
      },
    }
  }
}
