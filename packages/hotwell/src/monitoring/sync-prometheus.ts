import type { PrometheusClient, PrometheusRegistry } from './prometheus-collector.ts'
import type { Labels, Metric } from './prometheus-metrics.ts'
import type { BucketCounts } from './sync-distribution.ts'
import { type SyncMetricsSource, syncMetrics } from './sync-metrics.ts'
import { syncStages } from './sync-snapshot.ts'
import { batchBoundsRecords, stageBoundsMs } from './sync-tally.ts'

/**
 * Registers the metrics of a monitor of syncs, which are read when the registry is scraped: nothing is counted twice.
 *
 * @param client the module `@prometheus-io/client` or `prom-client`
 */
export function registerSyncMetrics(
  registry: PrometheusRegistry,
  client: PrometheusClient,
  source: SyncMetricsSource,
): void {
  for (const metric of syncMetrics(source)) register(registry, client, metric)
  registry.registerMetric(stageSeconds(source) as never)
  registry.registerMetric(batchRecords(source) as never)
}

function register(registry: PrometheusRegistry, client: PrometheusClient, metric: Metric): void {
  const { type, name, help, labelNames = [], read } = metric
  const described = { name, help, labelNames, registers: [registry as never] }
  const samples = () => {
    const value = read()
    return typeof value === 'number' ? ([[{}, value]] as const) : value
  }
  if (type === 'counter') {
    const counter = new client.Counter({
      ...described,
      collect() {
        counter.reset()
        for (const [labels, value] of samples()) counter.inc(labels, value)
      },
    })
  } else {
    const gauge = new client.Gauge({
      ...described,
      collect() {
        gauge.reset()
        for (const [labels, value] of samples()) gauge.set(labels, value)
      },
    })
  }
}

function stageSeconds(source: SyncMetricsSource) {
  const bounds = stageBoundsMs.map(bound => bound / 1000)
  return histogram('hotwell_sync_stage_seconds', 'How long the stages of a sync take', bounds, () =>
    Object.entries(source.counters().syncs).flatMap(([sync, { stages }]) =>
      syncStages.map(stage => {
        const { buckets, sum, count } = stages[stage]
        return { labels: { sync, stage: stage.slice(0, -'Ms'.length) }, buckets, sum: sum / 1000, count }
      }),
    ),
  )
}

function batchRecords(source: SyncMetricsSource) {
  return histogram('hotwell_sync_batch_records', 'Records of one transaction', batchBoundsRecords, () =>
    Object.entries(source.counters().syncs).map(([sync, counters]) => ({ labels: { sync }, ...counters.batchRecords })),
  )
}

/** A histogram whose buckets are counted already: the client's own class can only observe values one by one. */
function histogram(
  name: string,
  help: string,
  bounds: readonly number[],
  read: () => readonly (BucketCounts & { readonly labels: Labels })[],
) {
  const described = { name, help, type: 'histogram', aggregator: 'sum' }
  return {
    ...described,
    reset() {},
    async get() {
      const values = read().flatMap(({ labels, buckets, sum, count }) => {
        const sample = (suffix: string, value: number, le?: string | number) => ({
          metricName: `${name}_${suffix}`,
          labels: le === undefined ? labels : { le, ...labels },
          value,
        })
        return [
          ...bounds.map((bound, index) => sample('bucket', buckets[index]!, bound)),
          sample('bucket', count, '+Inf'),
          sample('sum', sum),
          sample('count', count),
        ]
      })
      return { ...described, values }
    },
  }
}
