export type { Alert, AlertSeverity, HealthState } from '../tokens/token-events.ts'
export {
  type AcquisitionFigures,
  AcquisitionStats,
  type AcquisitionStatsOptions,
  durationBoundsSeconds,
  type RecentDurations,
} from './acquisition-stats.ts'
export type { AlertEvent } from './alert-book.ts'
export { type AlertOptions, type AlertRule, checkedAlerts } from './alert-options.ts'
export type { Anomaly } from './anomalies.ts'
export { type CacheFigures, type CountedKind, countedKinds, type TokenMetricsSnapshot } from './metrics-snapshot.ts'
export {
  createPerformanceMonitor,
  type PerformanceHealth,
  type PerformanceMonitor,
  type PerformanceMonitorOptions,
  type RecordedEnd,
} from './performance-monitor.ts'
export type {
  DimensionFigures,
  MovingFigures,
  PerformanceDimensions,
  PerformanceSnapshot,
} from './performance-snapshot.ts'
export {
  type PrometheusClient,
  type PrometheusRegistry,
  registerTokenMetrics,
} from './prometheus-collector.ts'
export type { TokenMetricsSource } from './prometheus-metrics.ts'
export {
  type ConcurrencyAdvice,
  type ConcurrencyQuestion,
  type ConcurrencyRecommendation,
  type LimitBounds,
  recommendConcurrency,
  type SectionOutlook,
  type TunableLimit,
  tunableLimits,
} from './recommend-concurrency.ts'
export type { RecentAcquisitions } from './section-verdict.ts'
export type { SyncAnomaly, SyncAnomalyMetric } from './sync-anomalies.ts'
export type { SyncCounters } from './sync-book.ts'
export type { CacheCounts, CountedCache } from './sync-caches.ts'
export type { BucketCounts, DistributionFigures } from './sync-distribution.ts'
export type { SyncMetricsSource } from './sync-metrics.ts'
export {
  createSyncMonitor,
  type SyncMonitor,
  type SyncMonitorCounters,
  type SyncMonitorOptions,
  type WatchedSync,
} from './sync-monitor.ts'
export { registerSyncMetrics } from './sync-prometheus.ts'
export type { ResourceFigures, ResourceUsage } from './sync-resources.ts'
export type { RunSample } from './sync-run-samples.ts'
export type {
  RunCounts,
  RunReport,
  SyncFigures,
  SyncMonitorSnapshot,
  SyncMovingFigures,
  SyncReport,
  SyncStage,
  ThroughputFigures,
  WorkCounts,
  WorkFigures,
} from './sync-snapshot.ts'
export {
  type CacheCounters,
  TokenMetrics,
} from './token-metrics.ts'
export type { MonitoringOptions } from './watch-manager.ts'
export { createWebhook, signatureOf, type Webhook, type WebhookOptions, type WebhookTarget } from './webhook.ts'
