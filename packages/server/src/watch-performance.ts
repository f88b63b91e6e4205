import { createSystemClock, type Logger, type TokenManager } from 'hotwell'
import { type AlertOptions, createPerformanceMonitor, type PerformanceMonitor } from 'hotwell/monitoring'

/** A performance monitor of what this manager acquires. */
export function watchPerformance(
  tokens: TokenManager,
  { alerts, logger }: { alerts: AlertOptions | false; logger: Logger },
): PerformanceMonitor {
  const monitor = createPerformanceMonitor({
    clock: createSystemClock(),
    alerts,
    logger,
    lookups() {
      const { app, tenant, user, other } = tokens.metrics.snapshot()
      const kinds = [app, tenant, user, other]
      return {
        hits: kinds.reduce((sum, { hits }) => sum + hits, 0),
        misses: kinds.reduce((sum, { misses }) => sum + misses, 0),
      }
    },
  })
  tokens.on('acquisition.started', ({ id, provider, subject }) => monitor.recordStart(id, provider, subject))
  tokens.on('acquisition.finished', record => monitor.observe(record))
  return monitor
}
