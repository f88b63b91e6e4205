import type { Clock, ScheduledCall } from '../core/clock.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import type { AcquisitionRecord } from '../tokens/acquisition-record.ts'
import type { AcquisitionStatus } from '../tokens/failure.ts'
import type { Alert, HealthState } from '../tokens/token-events.ts'
import { AlertBook, type AlertEvent } from './alert-book.ts'
import type { AlertOptions } from './alert-options.ts'
import { healthStateOf } from './alerts.ts'
import { type Anomaly, AnomalyWatch } from './anomalies.ts'
import { type DimensionNames, Dimensions } from './dimensions.ts'
import { InFlight } from './in-flight.ts'
import type { MovingFigures, PerformanceDimensions, PerformanceSnapshot } from './performance-snapshot.ts'
import { PerformanceTotals } from './performance-totals.ts'
import { RecentOutcomes } from './recent-outcomes.ts'

export interface PerformanceHealth {
  /** `warning`, `degraded` and `unhealthy` by the worst alert: low, medium, high. */
  readonly state: HealthState
  readonly alerts: readonly Alert[]
  readonly anomalies: readonly Anomaly[]
  /** Wall clock, ms. */
  readonly checkedAt: number
}

export interface PerformanceMonitorOptions {
  clock: Clock
  /** When alerts are raised; false for never. @default the defaults of {@link AlertOptions} */
  alerts?: AlertOptions | false
  /** Told of every alert, and of deliveries that fail. @default none */
  logger?: Logger
  /** Called when an alert is raised or cleared. */
  onAlert?: (event: AlertEvent) => void
  /** Lookups of tokens in all, since whenever. @default there are none */
  lookups?: () => Lookups
}

/** How an acquisition ended, told by hand. */
export interface RecordedEnd extends DimensionNames {
  success: boolean
  /** Waits included. */
  totalSeconds: number
  /** The login alone. */
  loginSeconds?: number
  /** How it failed; of a success it says nothing. @default `failed` */
  status?: AcquisitionStatus
}

/** Watches acquisitions: totals, durations, moving averages, what is unusual, and whether all is well. */
export interface PerformanceMonitor {
  /** An acquisition's turn has come. An `id` that is running already begins anew. */
  recordStart(id: string, site: string, account?: string): void
  /** It has ended, at the site that its start named. One that was never started counts as well. */
  recordEnd(id: string, end: RecordedEnd): void
  /** The same, from an acquisition's record. */
  observe(record: AcquisitionRecord): void
  snapshot(): PerformanceSnapshot
  dimensions(): PerformanceDimensions
  anomalies(): readonly Anomaly[]
  /** Judged anew. */
  health(): PerformanceHealth
  /**
   * Takes other alerts at once; those that are no longer due are cleared.
   * @throws HotwellError `invalid_configuration`, naming the field; then nothing has changed
   */
  configure(alerts: AlertOptions | false): void
  /** Begins to count anew. What runs stays in flight. */
  reset(): void
  /** Ends its timer and gives up webhook deliveries. Its figures can still be read; alerts come and go no more. */
  close(): void
}

interface Lookups {
  readonly hits: number
  readonly misses: number
}

const soonMs = 1000
const laterMs = 10_000
const longestAverageSeconds = 900

/** @throws HotwellError `invalid_configuration`, naming the field of `alerts` */
export function createPerformanceMonitor(options: PerformanceMonitorOptions): PerformanceMonitor {
  return new Monitor(options)
}

class Monitor implements PerformanceMonitor {
  readonly #clock: Clock
  readonly #lookups: () => Lookups
  readonly #alerts: AlertBook
  readonly #totals = new PerformanceTotals()
  readonly #dimensions = new Dimensions()
  readonly #inFlight: InFlight
  readonly #anomalies: AnomalyWatch
  #recent: RecentOutcomes
  #sinceAt: number
  /** The same instant, monotonic. */
  #beganAt: number
  #peakThroughput = 0
  /** At the last reset, and at the last look. */
  #lookupsBefore: Lookups
  #lookupsSeen: Lookups
  #lookedAt: number
  #timer: ScheduledCall | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #closed = false

  constructor(options: PerformanceMonitorOptions) {
    const { clock, alerts = {}, logger = silentLogger, onAlert = () => {} } = options
    this.#clock = clock
    this.#lookups = options.lookups ?? (() => ({ hits: 0, misses: 0 }))
    this.#alerts = new AlertBook({ clock, logger, onAlert })
    this.#alerts.use(alerts)
    this.#inFlight = new InFlight(clock)
    this.#inFlight.limit = this.#mostConcurrent
    this.#anomalies = new AnomalyWatch(clock)
    this.#recent = new RecentOutcomes(clock, this.#windowSeconds)
    this.#sinceAt = clock.now()
    this.#beganAt = clock.monotonic()
    this.#lookupsBefore = this.#lookupsSeen = this.#lookups()
    this.#lookedAt = clock.monotonic()
  }

  recordStart(id: string, site: string, account?: string): void {
    this.#inFlight.start(id, { site, account })
    // Any that is planned comes soon enough, and to know when costs a look at the clock.
    if (this.#timerAt === Number.POSITIVE_INFINITY) this.#planEvaluation(laterMs)
  }

  recordEnd(id: string, end: RecordedEnd): void {
    this.#count({ ...this.#inFlight.end(id), ...end })
  }

  observe(record: AcquisitionRecord): void {
    const { id, status, provider, kind, subject, totalMs, loginMs } = record
    const isLogin = kind === 'account'
    this.#inFlight.end(id)
    this.#count({
      success: status === 'success',
      status,
      totalSeconds: totalMs / 1000,
      loginSeconds: loginMs === undefined ? undefined : loginMs / 1000,
      provider,
      kind,
      site: isLogin ? provider : undefined,
      account: isLogin ? subject : undefined,
    })
  }

  snapshot(): PerformanceSnapshot {
    this.#lookAround()
    const hits = this.#lookupsSeen.hits - this.#lookupsBefore.hits
    const misses = this.#lookupsSeen.misses - this.#lookupsBefore.misses
    return {
      sinceAt: this.#sinceAt,
      ...this.#totals.figures(),
      concurrent: this.#inFlight.count,
      peakConcurrent: this.#inFlight.peak,
      throughputPerSecond: this.#throughput(60),
      peakThroughputPerSecond: this.#peakThroughput,
      cacheHitRate: hits + misses === 0 ? 0 : hits / (hits + misses),
      movingAverages: {
        oneMinute: this.#average(60),
        fiveMinutes: this.#average(300),
        fifteenMinutes: this.#average(longestAverageSeconds),
      },
    }
  }

  dimensions(): PerformanceDimensions {
    return this.#dimensions.figures()
  }

  anomalies(): readonly Anomaly[] {
    return this.#anomalies.current()
  }

  health(): PerformanceHealth {
    this.#evaluate()
    const alerts = this.#alerts.current
    return { state: healthStateOf(alerts), alerts, anomalies: this.anomalies(), checkedAt: this.#clock.now() }
  }

  configure(alerts: AlertOptions | false): void {
    if (this.#closed) return
    const before = this.#windowSeconds
    this.#alerts.use(alerts)
    this.#inFlight.limit = this.#mostConcurrent
    if (this.#windowSeconds !== before) this.#recent = this.#recent.within(this.#windowSeconds)
    this.#evaluate()
  }

  reset(): void {
    this.#sinceAt = this.#clock.now()
    this.#beganAt = this.#clock.monotonic()
    this.#totals.reset()
    this.#dimensions.reset()
    this.#peakThroughput = 0
    this.#inFlight.reset()
    this.#recent.reset()
    this.#anomalies.reset()
    this.#lookupsBefore = this.#lookupsSeen = this.#lookups()
    this.#lookedAt = this.#clock.monotonic()
    this.#evaluate()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#alerts.close()
  }

  #count(end: RecordedEnd): void {
    const { success, totalSeconds, loginSeconds } = end
    const failure = end.status === 'success' ? undefined : end.status
    const status = success ? 'success' : (failure ?? 'failed')
    const seconds = totalSeconds >= 0 && Number.isFinite(totalSeconds) ? totalSeconds : 0
    const now = this.#clock.monotonic()
    this.#totals.record(status, seconds, loginSeconds)
    this.#recent.acquisition(now, success, status === 'timeout', seconds)
    this.#anomalies.record(now, success, seconds)
    this.#dimensions.record(end, success, seconds)
    this.#planEvaluation(soonMs, now)
  }

  get #windowSeconds(): number {
    return Math.max(longestAverageSeconds, this.#alerts.options?.windowSeconds ?? 0)
  }

  get #mostConcurrent(): number {
    return this.#alerts.options?.maxConcurrentAcquisitions ?? Number.POSITIVE_INFINITY
  }

  #average(spanSeconds: number): MovingFigures {
    const { acquisitions, successes, durationSeconds } = this.#recent.over(spanSeconds)
    return {
      acquisitions,
      perSecond: this.#throughput(spanSeconds),
      avgDurationSeconds: acquisitions === 0 ? 0 : durationSeconds / acquisitions,
      successRate: acquisitions === 0 ? 1 : successes / acquisitions,
    }
  }

  #throughput(spanSeconds: number): number {
    const aliveSeconds = (this.#clock.monotonic() - this.#beganAt) / 1000
    const { acquisitions } = this.#recent.over(spanSeconds)
    return acquisitions / Math.max(1, Math.min(aliveSeconds, this.#recent.reachSeconds(spanSeconds)))
  }

  /** Looks at what only others count: each lookup must not cost a call. */
  #lookAround(): void {
    this.#peakThroughput = Math.max(this.#peakThroughput, this.#throughput(60))
    const { hits, misses } = this.#lookups()
    const seen = this.#lookupsSeen
    const now = this.#clock.monotonic()
    if (hits !== seen.hits || misses !== seen.misses)
      this.#recent.lookups(hits - seen.hits, misses - seen.misses, now - this.#lookedAt)
    this.#lookupsSeen = { hits, misses }
    this.#lookedAt = now
  }

  /** At the latest after so long; there is no timer while nothing happens. */
  #planEvaluation(withinMs: number, now = this.#clock.monotonic()): void {
    const at = now + withinMs
    if (this.#closed || this.#timerAt <= at) return
    this.#timer?.cancel()
    this.#timerAt = at
    this.#timer = this.#clock.schedule(() => {
      this.#timerAt = Number.POSITIVE_INFINITY
      this.#evaluate()
      const isQuiet = this.#inFlight.count === 0 && this.#recent.over(Number.POSITIVE_INFINITY).acquisitions === 0
      if (!isQuiet || this.#alerts.current.length > 0) this.#planEvaluation(laterMs)
    }, withinMs)
  }

  #evaluate(): void {
    if (this.#closed) return
    this.#lookAround()
    this.#alerts.evaluate({
      recent: this.#recent.over(this.#alerts.options?.windowSeconds ?? 0),
      crowdedForMs: this.#inFlight.crowdedForMs,
      concurrent: this.#inFlight.count,
      snapshot: () => this.snapshot(),
    })
  }
}
