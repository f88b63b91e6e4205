import type { GateUsage } from '../tokens/acquisition-gate.ts'
import { type AcquisitionFigures, durationBoundsSeconds } from './acquisition-stats.ts'
import { countedKinds, type TokenMetricsSnapshot } from './metrics-snapshot.ts'

/** The slice of `@prometheus-io/client` (and prom-client) that is used here; hand in the whole module. */
export interface PrometheusClient {
  Counter: new (configuration: MetricConfiguration) => { inc(labels: Labels, value: number): void; reset(): void }
  Gauge: new (configuration: MetricConfiguration) => { set(labels: Labels, value: number): void; reset(): void }
}

/** The slice of a `Registry` that is used here. */
export interface PrometheusRegistry {
  // `never`, because the client's own type asks for one of its classes where anything with `get()` works.
  registerMetric(metric: never): void
}

interface MetricConfiguration {
  name: string
  help: string
  labelNames: string[]
  registers: never[]
  collect(): void
}

type Labels = Record<string, string>
type Sample = readonly [labels: Labels, value: number]

/** One metric: what it is called, and what it says when it is read. */
interface Metric {
  type: 'counter' | 'gauge'
  name: string
  help: string
  labelNames?: string[]
  read(): number | readonly Sample[]
}

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
  gate?(): Pick<GateUsage, 'running' | 'waiting' | 'reclaimed'>
  /** The counters of the history's recorder. */
  history?(): { readonly written: number; readonly dropped: number; readonly buffered: number }
  /** How many refs the preheater has in its heap. */
  preheat?(): { readonly scheduled: number }
  /** Each provider, and whether a provider-wide failure stops its acquisitions. */
  breakers?(): readonly { readonly provider: string; readonly open: boolean }[]
  /** By provider and kind the life of the token that ends first, in seconds; negative once it is over. */
  expiries?(): readonly { readonly provider: string; readonly kind: string; readonly expirySeconds: number }[]
}

/**
 * Registers the metrics of a token manager. They are read when the registry is scraped: nothing is counted twice, and
 * the hot path knows nothing of Prometheus.
 *
 * @param client the module `@prometheus-io/client` or `prom-client`
 */
export function registerTokenMetrics(
  registry: PrometheusRegistry,
  client: PrometheusClient,
  source: TokenMetricsSource,
): void {
  for (const { type, name, help, labelNames = [], read } of [...tokenMetrics(source), ...roomMetrics(source)]) {
    const samples = () => {
      const value = read()
      return typeof value === 'number' ? ([[{}, value]] as const) : value
    }
    const described = { name, help, labelNames, registers: [registry as never] }
    if (type === 'counter') {
      const collect = () => {
        metric.reset()
        for (const [labels, value] of samples()) metric.inc(labels, value)
      }
      const metric = new client.Counter({ ...described, collect })
    } else {
      const collect = () => {
        metric.reset()
        for (const [labels, value] of samples()) metric.set(labels, value)
      }
      const metric = new client.Gauge({ ...described, collect })
    }
  }
  registry.registerMetric(acquisitionSeconds(source) as never)
}

function tokenMetrics(source: TokenMetricsSource): Metric[] {
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

function roomMetrics(source: TokenMetricsSource): Metric[] {
  const metrics: Metric[] = []
  const add = (type: Metric['type'], name: string, help: string, read: Metric['read'], labelNames?: string[]) =>
    metrics.push({ type, name, help, read, labelNames })
  if (source.gate) {
    const gate = source.gate.bind(source)
    add('gauge', 'hotwell_gate_running', 'Acquisitions that run', () => gate().running)
    add('gauge', 'hotwell_gate_waiting', 'Acquisitions that wait for their turn', () => gate().waiting)
    add('counter', 'hotwell_gate_reclaimed_total', 'Slots freed at their deadline', () => gate().reclaimed)
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

/**
 * A histogram whose buckets are counted already. The client's own class can only observe values one by one, but its
 * registry takes whatever has this shape.
 */
function acquisitionSeconds(source: TokenMetricsSource) {
  const name = 'hotwell_token_acquisition_seconds'
  const described = { name, help: 'Durations of acquisitions, waits included', type: 'histogram', aggregator: 'sum' }
  return {
    ...described,
    reset() {},
    async get() {
      const values = source.acquisitions().flatMap(({ provider, kind, durations }) => {
        const sample = (suffix: string, value: number, le?: string | number) => ({
          metricName: `${name}_${suffix}`,
          labels: le === undefined ? { provider, kind } : { le, provider, kind },
          value,
        })
        return [
          ...durationBoundsSeconds.map((bound, index) => sample('bucket', durations.buckets[index]!, bound)),
          sample('bucket', durations.count, '+Inf'),
          sample('sum', durations.sumSeconds),
          sample('count', durations.count),
        ]
      })
      return { ...described, values }
    },
  }
}
