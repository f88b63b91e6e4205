import type { Clock } from '../core/clock.ts'
import type { Events } from '../core/events.ts'
import type { Logger } from '../core/logger.ts'
import type { TokenEvents } from '../tokens/token-events.ts'
import { AcquisitionStats } from './acquisition-stats.ts'
import type { AlertOptions } from './alert-options.ts'
import { countedKinds } from './metrics-snapshot.ts'
import { createPerformanceMonitor, type PerformanceMonitor } from './performance-monitor.ts'
import { TokenMetrics } from './token-metrics.ts'

/** What is watched. */
export interface MonitoringOptions {
  /** When alerts are raised; false for never. @default the defaults of AlertOptions */
  alerts?: AlertOptions | false
}

interface ManagerMonitoring {
  readonly metrics: TokenMetrics
  /** The other two are undefined where monitoring is switched off. */
  readonly statistics: AcquisitionStats | undefined
  readonly monitor: PerformanceMonitor | undefined
}

/** Makes what watches a manager, and has it listen to its events. Nothing is asked of it on the way of a token. */
export function watchManager(
  monitoring: boolean | MonitoringOptions,
  { clock, logger, events }: { clock: Clock; logger: Logger; events: Events<TokenEvents> },
): ManagerMonitoring {
  const metrics = new TokenMetrics({ enabled: monitoring !== false })
  events.on('acquisition.finished', record => metrics.recordAcquisition(record))
  if (monitoring === false) return { metrics, statistics: undefined, monitor: undefined }
  const { alerts } = monitoring === true ? {} : monitoring
  const statistics = new AcquisitionStats({ clock })
  const monitor = createPerformanceMonitor({
    clock,
    logger,
    alerts,
    lookups: () => lookupsOf(metrics),
    onAlert: ({ type, ...alert }) => events.emit(type, Object.freeze(alert)),
  })
  events.on('acquisition.started', ({ id, provider, subject }) => monitor.recordStart(id, provider, subject))
  events.on('acquisition.finished', record => {
    statistics.recordAcquisition(record)
    monitor.observe(record)
  })
  events.on('manager.closed', () => monitor.close())
  return { metrics, statistics, monitor }
}

function lookupsOf(metrics: TokenMetrics): { hits: number; misses: number } {
  const snapshot = metrics.snapshot()
  const sum = (field: 'hits' | 'misses') => countedKinds.reduce((total, kind) => total + snapshot[kind][field], 0)
  return { hits: sum('hits'), misses: sum('misses') }
}
