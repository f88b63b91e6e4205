import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Alert, HealthState } from '../tokens/token-events.ts'
import { type AlertOptions, type AlertRule, type CheckedAlerts, checkedAlerts } from './alert-options.ts'
import { evaluateAlerts, healthStateOf, type Situation } from './alerts.ts'
import { createWebhook, type Webhook } from './webhook.ts'

/** An alert has come or gone. */
export interface AlertEvent extends Alert {
  readonly type: 'alert.raised' | 'alert.cleared'
  /** The state of health with it. */
  readonly health: HealthState
}

interface AlertBookOptions {
  clock: Clock
  logger: Logger
  onAlert: (event: AlertEvent) => void
}

/** The alerts that are raised, and who is told of it: once when one comes and once when it goes. */
export class AlertBook {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #onAlert: (event: AlertEvent) => void
  readonly #raised = new Map<string, Alert>()
  /** Rules of one's own that threw, which is told once. */
  readonly #broken = new Set<AlertRule>()
  #evaluating = false
  #options: CheckedAlerts | undefined
  #webhook: Webhook | undefined

  constructor({ clock, logger, onAlert }: AlertBookOptions) {
    this.#clock = clock
    this.#logger = logger
    this.#onAlert = onAlert
  }

  /** Undefined: no alert is ever raised. */
  get options(): CheckedAlerts | undefined {
    return this.#options
  }

  get current(): readonly Alert[] {
    return [...this.#raised.values()]
  }

  /** @throws HotwellError `invalid_configuration`; then nothing has changed */
  use(alerts: AlertOptions | false): void {
    const checked = alerts === false ? undefined : checkedAlerts(alerts)
    if (!isDeepStrictEqual(checked?.webhook, this.#options?.webhook)) {
      this.#webhook?.close()
      this.#webhook =
        checked?.webhook && createWebhook({ ...checked.webhook, clock: this.#clock, logger: this.#logger })
    }
    // The caller keeps his object, and may go on to change it.
    this.#options = checked && { ...checked, webhook: checked.webhook && { ...checked.webhook } }
    this.#broken.clear()
  }

  evaluate(situation: Omit<Situation, 'onBrokenRule'>): void {
    // A rule of one's own may ask for the health that it decides on.
    if (this.#evaluating) return
    const due = this.#due(situation)
    const changed: [AlertEvent['type'], Alert][] = []
    for (const [rule, alert] of this.#raised) {
      if (due.some(one => one.rule === rule)) continue
      this.#raised.delete(rule)
      changed.push(['alert.cleared', alert])
    }
    for (const one of due) {
      const known = this.#raised.get(one.rule)
      const alert = Object.freeze({ ...one, sinceAt: known?.sinceAt ?? this.#clock.now() })
      this.#raised.set(one.rule, alert)
      if (!known) changed.push(['alert.raised', alert])
    }
    const health = healthStateOf(this.current)
    for (const [type, alert] of changed) this.#tell(Object.freeze({ type, ...alert, health }))
  }

  close(): void {
    this.#webhook?.close()
  }

  #due(situation: Omit<Situation, 'onBrokenRule'>): Omit<Alert, 'sinceAt'>[] {
    if (!this.#options) return []
    this.#evaluating = true
    try {
      return evaluateAlerts(this.#options, { ...situation, onBrokenRule: this.#tellBroken })
    } finally {
      this.#evaluating = false
    }
  }

  #tell(event: AlertEvent): void {
    const { type, rule, severity, message, sinceAt } = event
    if (type === 'alert.raised') this.#logger.warn({ rule, severity }, `Alert: ${message}`)
    else this.#logger.info({ rule, severity }, `The alert ${rule} is over.`)
    this.#webhook?.send({ ...event, sinceAt: new Date(sinceAt).toISOString() })
    try {
      this.#onAlert(event)
    } catch (error) {
      this.#logger.error({ err: error, rule }, 'A listener to alerts threw')
    }
  }

  readonly #tellBroken = (rule: AlertRule, error: unknown): void => {
    if (this.#broken.has(rule)) return
    this.#broken.add(rule)
    this.#logger.error({ err: error, rule: rule.name }, `The alert rule "${rule.name}" throws; it raises nothing.`)
  }
}
