export {
  type AcquisitionFigures,
  AcquisitionStats,
  type AcquisitionStatsOptions,
  durationBoundsSeconds,
  type RecentDurations,
} from './acquisition-stats.ts'
export {
  type PrometheusClient,
  type PrometheusRegistry,
  registerTokenMetrics,
  type TokenMetricsSource,
} from './prometheus-collector.ts'
export {
  type CacheCounters,
  type CacheFigures,
  type CountedKind,
  countedKinds,
  TokenMetrics,
  type TokenMetricsSnapshot,
} from './token-metrics.ts'
