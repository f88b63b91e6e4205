import type { GateSectionUsage, GateUsage } from '../tokens/acquisition-gate.ts'
import type { Alert, HealthState } from '../tokens/token-events.ts'
import type { AcquisitionFigures } from './acquisition-stats.ts'
import { healthStates } from './alerts.ts'
import { countedKinds, type TokenMetricsSnapshot } from './metrics-snapshot.ts'

export type Labels = Record<string, string>
type Sample = readonly [labels: Labels, value: number]

/** One metric: what it is called, and what it says when it is read. */
export interface Metric {
  type: 'counter' | 'gauge'
  name: string
  help: string
  labelNames?: string[]
  read(): number | readonly Sample[]
}

type GateFigures = Pick<GateSectionUsage, 'running' | 'waiting' | 'entered' | 'timedOut' | 'meanWaitMs' | 'p95WaitMs'>

/**
 * Where the metrics come from: functions that return plain data, called at every scrape. A part that is left out has
 * no metrics. No figure carries a subject, and none may: labels are kept for ever and there is no end of subjects.
 */
export interface TokenMetricsSource {
  /** `TokenMetrics.snapshot()`. */
  counters(): TokenMetricsSnapshot
  /** `AcquisitionStats.figures()`. */
  acquisitions(): readonly AcquisitionFigures[]
  /** `AcquisitionGate.usage()`. */
  gate?(): Pick<GateUsage, 'reclaimed'> & {
    readonly accounts: GateFigures & { readonly quarantined: number }
    readonly others: GateFigures
  }
  /** `PerformanceMonitor.health()`. */
  health?(): { readonly state: HealthState; readonly alerts: readonly Pick<Alert, 'rule' | 'severity'>[] }
  /** The counters of the history's recorder. */
  history?(): { readonly written: number; readonly dropped: number; readonly buffered: number }
  /** How many refs the preheater has in its heap. */
  preheat?(): { readonly scheduled: number }
  /** Each provider, and whether a provider-wide failure stops its acquisitions. */
  breakers?(): readonly { readonly provider: string; readonly open: boolean }[]
  /** By provider and kind the life of the token that ends first, in seconds; negative once it is over. */
  expiries?(): readonly { readonly provider: string; readonly kind: string; readonly expirySeconds: number }[]
}

/** What the manager itself counts. */
export function tokenMetrics(source: TokenMetricsSource): Metric[] {
  const byKind = (field: 'hits' | 'misses') => () => {
    const counters = source.counters()
    return countedKinds.map((kind): Sample => [{ kind }, counters[kind][field]])
  }
  return [
    {
      type: 'counter',
      name: 'hotwell_token_cache_hits_total',
      help: 'Lookups answered from the cache',
      labelNames: ['kind'],
      read: byKind('hits'),
    },
    {
      type: 'counter',
      name: 'hotwell_token_cache_misses_total',
      help: 'Lookups that waited for a flight',
      labelNames: ['kind'],
      read: byKind('misses'),
    },
    {
      type: 'counter',
      name: 'hotwell_token_flights_total',
      help: 'Flights taken',
      read: () => source.counters().writeLocks,
    },
    {
      type: 'counter',
      name: 'hotwell_token_refreshes_total',
      help: 'Acquisitions for tokens that were there, by outcome',
      labelNames: ['outcome'],
      read: () => {
        const { successes, failures } = source.counters().refreshes
        return [
          [{ outcome: 'success' }, successes],
          [{ outcome: 'failure' }, failures],
        ]
      },
    },
    {
      type: 'counter',
      name: 'hotwell_token_acquisitions_total',
      help: 'Finished acquisitions',
      labelNames: ['provider', 'kind', 'status', 'trigger'],
      read: () =>
        source
          .acquisitions()
          .flatMap(({ provider, kind, counts }) =>
            counts.map(({ status, trigger, count }): Sample => [{ provider, kind, status, trigger }, count]),
          ),
    },
  ]
}

/** The metrics of the rooms that are there. */
export function roomMetrics(source: TokenMetricsSource): Metric[] {
  const metrics: Metric[] = []
  const add = (type: Metric['type'], name: string, help: string, read: Metric['read'], labelNames?: string[]) =>
    metrics.push({ type, name, help, read, labelNames })
  if (source.gate) {
    const gate = source.gate.bind(source)
    const bySection = (read: (figures: GateFigures) => number) => () => {
      const { accounts, others } = gate()
      return [
        [{ section: 'accounts' }, read(accounts)],
        [{ section: 'others' }, read(others)],
      ] as const
    }
    const section = ['section']
    add(
      'gauge',
      'hotwell_gate_running',
      'Acquisitions that run',
      bySection(one => one.running),
      section,
    )
    add(
      'gauge',
      'hotwell_gate_waiting',
      'Acquisitions that wait their turn',
      bySection(one => one.waiting),
      section,
    )
    add(
      'counter',
      'hotwell_gate_entered_total',
      'Slots given',
      bySection(one => one.entered),
      section,
    )
    const timeouts = 'Waits that took too long'
    add(
      'counter',
      'hotwell_gate_queue_timeouts_total',
      timeouts,
      bySection(one => one.timedOut),
      section,
    )
    const mean = 'Mean wait for a turn in the last 15 minutes'
    add(
      'gauge',
      'hotwell_gate_wait_mean_seconds',
      mean,
      bySection(one => one.meanWaitMs / 1000),
      section,
    )
    const p95 = 'P95 of the waits for a turn in the last 15 minutes'
    add(
      'gauge',
      'hotwell_gate_wait_p95_seconds',
      p95,
      bySection(one => one.p95WaitMs / 1000),
      section,
    )
    add('counter', 'hotwell_gate_reclaimed_total', 'Slots freed at their deadline', () => gate().reclaimed)
    const quarantined = 'Accounts that an aborted login still holds'
    add('gauge', 'hotwell_gate_quarantined', quarantined, () => gate().accounts.quarantined)
  }
  if (source.health) {
    const health = source.health.bind(source)
    const state = 'Health: 0 healthy, 1 warning, 2 degraded, 3 unhealthy'
    add('gauge', 'hotwell_health_state', state, () => healthStates.indexOf(health().state))
    const read = () => health().alerts.map(({ rule, severity }): Sample => [{ rule, severity }, 1])
    add('gauge', 'hotwell_alert_active', '1 while the alert is raised', read, ['rule', 'severity'])
  }
  if (source.history) {
    const history = source.history.bind(source)
    add('counter', 'hotwell_history_records_total', 'Records written', () => history().written)
    add('counter', 'hotwell_history_dropped_total', 'Records lost, memory being full', () => history().dropped)
    add('gauge', 'hotwell_history_buffered', 'Records that wait in memory', () => history().buffered)
  }
  if (source.preheat) {
    const preheat = source.preheat.bind(source)
    add('gauge', 'hotwell_preheat_scheduled', 'Tokens that wait for their renewal', () => preheat().scheduled)
  }
  if (source.breakers) {
    const breakers = source.breakers.bind(source)
    const read = () => breakers().map(({ provider, open }): Sample => [{ provider }, open ? 1 : 0])
    const help = '1 while a provider-wide failure stops acquisitions'
    add('gauge', 'hotwell_provider_breaker_open', help, read, ['provider'])
  }
  if (source.expiries) {
    const expiries = source.expiries.bind(source)
    const read = () =>
      expiries().map(({ provider, kind, expirySeconds }): Sample => [{ provider, kind }, expirySeconds])
    const help = 'Life left to the token that ends first'
    add('gauge', 'hotwell_token_expiry_seconds', help, read, ['provider', 'kind'])
  }
  return metrics
}
