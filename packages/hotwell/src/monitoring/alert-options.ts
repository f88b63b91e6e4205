import type { AlertSeverity } from '../tokens/token-events.ts'
import { invalidAlerts, refuseUnknown, shownValue } from './invalid-alerts.ts'
import type { PerformanceSnapshot } from './performance-snapshot.ts'
import { checkedWebhook, type WebhookTarget } from './webhook.ts'

const severities: readonly AlertSeverity[] = ['low', 'medium', 'high']

/** A rule of one's own. */
export interface AlertRule {
  /** Unique, 1 to 64 letters, digits, dashes, dots and underscores. */
  name: string
  severity: AlertSeverity
  /**
   * Whether to raise the alert: true, or a text, which is its message. It is asked every few seconds, with the figures
   * since the start or the last reset. One that throws, or returns a promise, raises nothing.
   */
  when: (snapshot: PerformanceSnapshot) => boolean | string
}

/**
 * When alerts are raised. Rates are 0 to 1 and looked at over the window; a rule whose window holds fewer samples than
 * `minSamples` raises nothing: no traffic, no alert.
 */
export interface AlertOptions {
  /** Raises a high alert below. @default 0.8 */
  minSuccessRate?: number
  /** Raises a medium alert above. @default 120 */
  maxAvgDurationSeconds?: number
  /** Raises a high alert above. @default 0.1 */
  maxTimeoutRate?: number
  /** Raises a medium alert when more acquisitions run for ten seconds on end. @default 5 */
  maxConcurrentAcquisitions?: number
  /** Raises a low alert below. @default 0.7 */
  minCacheHitRate?: number
  /** @default 900 */
  windowSeconds?: number
  /** @default 5 */
  minSamples?: number
  /** @default [] */
  rules?: readonly AlertRule[]
  /** Where alerts are posted when they are raised and cleared. @default nowhere */
  webhook?: WebhookTarget
}

export type CheckedAlerts = Required<Omit<AlertOptions, 'webhook'>> & Pick<AlertOptions, 'webhook'>

const defaults: CheckedAlerts = {
  minSuccessRate: 0.8,
  maxAvgDurationSeconds: 120,
  maxTimeoutRate: 0.1,
  maxConcurrentAcquisitions: 5,
  minCacheHitRate: 0.7,
  windowSeconds: 900,
  minSamples: 5,
  rules: [],
}

const rate = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1
const positive = (value: unknown) => typeof value === 'number' && value > 0 && Number.isFinite(value)
const count = (value: unknown) => Number.isInteger(value) && (value as number) > 0
const checks: Record<
  keyof Omit<AlertOptions, 'webhook'>,
  readonly [fits: (value: unknown) => boolean, wanted: string]
> = {
  minSuccessRate: [rate, 'a rate from 0 to 1'],
  maxAvgDurationSeconds: [positive, 'a number of seconds above 0'],
  maxTimeoutRate: [rate, 'a rate from 0 to 1'],
  maxConcurrentAcquisitions: [count, 'a whole number above 0'],
  minCacheHitRate: [rate, 'a rate from 0 to 1'],
  windowSeconds: [value => positive(value) && (value as number) <= 86_400, 'a number of seconds, at most 86400'],
  minSamples: [count, 'a whole number above 0'],
  rules: [Array.isArray, 'a list of rules'],
}

const known = [...Object.keys(checks), 'webhook']
const knownInRule: readonly (keyof AlertRule)[] = ['name', 'severity', 'when']

/**
 * Checks what people wrote, its webhook too, and fills in the defaults.
 * @throws HotwellError `invalid_configuration`, naming the field
 */
export function checkedAlerts(options: AlertOptions): CheckedAlerts {
  if (typeof options !== 'object' || options === null) throw invalidAlerts('', 'have to be an object, or false.')
  refuseUnknown(options, known)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  for (const [field, [fits, wanted]] of Object.entries(checks)) {
    if (field in given && !fits(given[field]))
      throw invalidAlerts(field, `has to be ${wanted}, not ${shownValue(given[field])}.`)
  }
  const alerts: CheckedAlerts = { ...defaults, ...given }
  const names = new Set<string>(known)
  for (const [index, rule] of alerts.rules.entries()) {
    checkRule(rule, `rules[${index}]`)
    if (names.has(rule.name))
      throw invalidAlerts(`rules[${index}].name`, `"${rule.name}" stands for another rule already.`)
    names.add(rule.name)
  }
  if (alerts.webhook !== undefined) checkedWebhook(alerts.webhook)
  return alerts
}

function checkRule(rule: AlertRule, field: string): void {
  if (typeof rule !== 'object' || rule === null)
    throw invalidAlerts(field, `has to be { name, severity, when }, not ${shownValue(rule)}.`)
  refuseUnknown(rule, knownInRule, `${field}.`)
  const { name, severity, when } = rule
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name))
    throw invalidAlerts(`${field}.name`, 'has to be 1 to 64 letters, digits, dashes, dots and underscores.')
  if (!severities.includes(severity))
    throw invalidAlerts(`${field}.severity`, `has to be ${severities.join(', ')}, not ${shownValue(severity)}.`)
  if (typeof when !== 'function') throw invalidAlerts(`${field}.when`, 'has to be a function.')
}
