import { Histogram } from '../core/histogram.ts'
import type { AcquisitionStatus } from '../tokens/failure.ts'
import type { PerformanceSnapshot } from './performance-snapshot.ts'

type TotalFigures = Pick<
  PerformanceSnapshot,
  | 'totalAcquisitions'
  | 'successful'
  | 'failed'
  | 'successRate'
  | 'avgDurationSeconds'
  | 'p50Seconds'
  | 'p95Seconds'
  | 'p99Seconds'
  | 'avgLoginDurationSeconds'
  | 'timeouts'
  | 'networkErrors'
  | 'captchaErrors'
  | 'credentialErrors'
  | 'rateLimited'
  | 'otherErrors'
>

/** How acquisitions ended and how long they took, since the start or the last reset. */
export class PerformanceTotals {
  #statuses: Partial<Record<AcquisitionStatus, number>> = {}
  readonly #durations = new Histogram({ lowest: 1e-6, highest: 1e6 })
  #logins = 0
  #loginSeconds = 0

  record(status: AcquisitionStatus, seconds: number, loginSeconds: number | undefined): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    this.#durations.record(seconds)
    if (loginSeconds === undefined || !(loginSeconds >= 0 && Number.isFinite(loginSeconds))) return
    this.#logins++
    this.#loginSeconds += loginSeconds
  }

  figures(): TotalFigures {
    const of = (status: AcquisitionStatus) => this.#statuses[status] ?? 0
    const durations = this.#durations
    const totalAcquisitions = durations.count
    const successful = of('success')
    const failed = totalAcquisitions - successful
    const timeouts = of('timeout')
    const networkErrors = of('network_error')
    const captchaErrors = of('captcha_error')
    const credentialErrors = of('credential_error')
    const rateLimited = of('rate_limited')
    return {
      totalAcquisitions,
      successful,
      failed,
      successRate: totalAcquisitions === 0 ? 1 : successful / totalAcquisitions,
      avgDurationSeconds: durations.mean,
      p50Seconds: durations.percentile(0.5),
      p95Seconds: durations.percentile(0.95),
      p99Seconds: durations.percentile(0.99),
      avgLoginDurationSeconds: this.#logins === 0 ? 0 : this.#loginSeconds / this.#logins,
      timeouts,
      networkErrors,
      captchaErrors,
      credentialErrors,
      rateLimited,
      otherErrors: failed - timeouts - networkErrors - captchaErrors - credentialErrors - rateLimited,
    }
  }

  reset(): void {
    this.#statuses = {}
    this.#durations.reset()
    this.#logins = this.#loginSeconds = 0
  }
}
