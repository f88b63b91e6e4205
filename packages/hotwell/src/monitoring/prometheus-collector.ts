import { durationBoundsSeconds } from './acquisition-stats.ts'
import { type Labels, roomMetrics, type TokenMetricsSource, tokenMetrics } from './prometheus-metrics.ts'

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
