import type { Alert, AlertSeverity, HealthState } from '../tokens/token-events.ts'
import type { AlertRule, CheckedAlerts } from './alert-options.ts'
import type { PerformanceSnapshot } from './performance-snapshot.ts'
import type { OutcomeSums } from './recent-outcomes.ts'

const stateOf = { low: 'warning', medium: 'degraded', high: 'unhealthy' } as const
/** The best first. */
export const healthStates: readonly HealthState[] = ['healthy', 'warning', 'degraded', 'unhealthy']

/** The worst of the alerts decides. */
export function healthStateOf(alerts: readonly Alert[]): HealthState {
  const worst = Math.max(0, ...alerts.map(({ severity }) => healthStates.indexOf(stateOf[severity])))
  return healthStates[worst]!
}

/** What the rules look at. */
export interface Situation {
  /** Over the window. */
  readonly recent: OutcomeSums
  /** For how long more acquisitions have run than are allowed, in ms; undefined: no more. */
  readonly crowdedForMs: number | undefined
  readonly concurrent: number
  readonly snapshot: () => PerformanceSnapshot
  /** Told of a rule of one's own that throws. */
  readonly onBrokenRule: (rule: AlertRule, error: unknown) => void
}

/** Of a burst of renewals the gate takes care; only what lasts is worth an alert. */
const crowdedMs = 10_000
/** In characters, of a rule of one's own. */
const longestMessage = 1000

/** The alerts that should be raised now, without the instant at which they were. */
export function evaluateAlerts(options: CheckedAlerts, situation: Situation): Omit<Alert, 'sinceAt'>[] {
  return [...thresholds(options, situation), ...ownRules(options.rules, situation)]
}

function thresholds(options: CheckedAlerts, { recent, crowdedForMs, concurrent }: Situation) {
  const { acquisitions, successes, timeouts, durationSeconds, hits, misses } = recent
  const { windowSeconds, minSamples } = options
  const found: Omit<Alert, 'sinceAt'>[] = []
  const raise = (
    rule:
      | 'minSuccessRate'
      | 'maxAvgDurationSeconds'
      | 'maxTimeoutRate'
      | 'maxConcurrentAcquisitions'
      | 'minCacheHitRate',
    severity: AlertSeverity,
    value: number,
    message: string,
  ) => found.push({ rule, severity, value, threshold: options[rule], message })
  const span = `in the last ${windowSeconds % 60 === 0 ? `${windowSeconds / 60} min` : `${windowSeconds} s`}`
  if (acquisitions >= minSamples) {
    const successRate = successes / acquisitions
    const average = durationSeconds / acquisitions
    const timeoutRate = timeouts / acquisitions
    if (successRate < options.minSuccessRate)
      raise(
        'minSuccessRate',
        'high',
        successRate,
        `${successes} of ${acquisitions} acquisitions succeeded ${span}, ${percent(successRate)}; expected are ${percent(options.minSuccessRate)}.`,
      )
    if (average > options.maxAvgDurationSeconds)
      raise(
        'maxAvgDurationSeconds',
        'medium',
        average,
        `An acquisition took ${seconds(average)} in the mean ${span}; expected are at most ${seconds(options.maxAvgDurationSeconds)}.`,
      )
    if (timeoutRate > options.maxTimeoutRate)
      raise(
        'maxTimeoutRate',
        'high',
        timeoutRate,
        `${timeouts} of ${acquisitions} acquisitions timed out ${span}, ${percent(timeoutRate)}; expected are at most ${percent(options.maxTimeoutRate)}.`,
      )
  }
  if (crowdedForMs !== undefined && crowdedForMs >= crowdedMs)
    raise(
      'maxConcurrentAcquisitions',
      'medium',
      concurrent,
      `${concurrent} acquisitions run at once, and more than ${options.maxConcurrentAcquisitions} have for ${seconds(crowdedForMs / 1000)}.`,
    )
  const lookups = hits + misses
  if (lookups >= minSamples && hits / lookups < options.minCacheHitRate)
    raise(
      'minCacheHitRate',
      'low',
      hits / lookups,
      `${hits} of ${lookups} lookups found their token ${span}, ${percent(hits / lookups)}; expected are ${percent(options.minCacheHitRate)}.`,
    )
  return found
}

function ownRules(rules: readonly AlertRule[], { snapshot, onBrokenRule }: Situation): Omit<Alert, 'sinceAt'>[] {
  if (rules.length === 0) return []
  const figures = snapshot()
  return rules.flatMap(rule => {
    try {
      const told: unknown = rule.when(figures)
      if (typeof (told as PromiseLike<unknown> | undefined)?.then === 'function') {
        Promise.resolve(told).catch(() => {})
        throw new TypeError('It returns a promise, where true, false or a text is wanted.')
      }
      if (told !== true && (typeof told !== 'string' || told === '')) return []
      const message = told === true ? `The rule "${rule.name}" is met.` : told.slice(0, longestMessage)
      return [{ rule: rule.name, severity: rule.severity, value: 1, threshold: 0, message }]
    } catch (error) {
      onBrokenRule(rule, error)
      return []
    }
  })
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`
}

function seconds(value: number): string {
  return value < 1 ? `${Number((value * 1000).toPrecision(3))} ms` : `${Number(value.toPrecision(3))} s`
}
