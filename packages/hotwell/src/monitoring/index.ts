export {
  type AcquisitionFigures,
  AcquisitionStats,
  type AcquisitionStatsOptions,
  durationBoundsSeconds,
  type RecentDurations,
} from './acquisition-stats.ts'
export { type CacheFigures, type CountedKind, countedKinds, type TokenMetricsSnapshot } from './metrics-snapshot.ts'
export {
  type PrometheusClient,
  type PrometheusRegistry,
  registerTokenMetrics,
  type TokenMetricsSource,
} from './prometheus-collector.ts'
export {
  type CacheCounters,
  TokenMetrics,
} from './token-metrics.ts'
