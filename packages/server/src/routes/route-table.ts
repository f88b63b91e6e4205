import type { FastifyInstance } from 'fastify'
import type { ServerContext } from '../http/server-context.ts'
import { accountAdd } from './account-add.ts'
import { accountBar } from './account-bar.ts'
import { accountGet } from './account-get.ts'
import { accountList } from './account-list.ts'
import { accountRemove } from './account-remove.ts'
import { accountUnbar } from './account-unbar.ts'
import { accountUpdate } from './account-update.ts'
import { blacklistList } from './blacklist-list.ts'
import { healthGet } from './health-get.ts'
import { historyPurge } from './history-purge.ts'
import { historySearch } from './history-search.ts'
import { historyStatistics } from './history-statistics.ts'
import { homePage } from './home-page.ts'
import { metricsGet } from './metrics-get.ts'
import { openapiGet } from './openapi-get.ts'
import { performanceCacheClear } from './performance-cache-clear.ts'
import { performanceCacheStats } from './performance-cache-stats.ts'
import { performanceCleanup } from './performance-cleanup.ts'
import { performanceHealth } from './performance-health.ts'
import { performanceMetrics } from './performance-metrics.ts'
import { performanceOptimize } from './performance-optimize.ts'
import { performanceReset } from './performance-reset.ts'
import { performanceResourceUsage } from './performance-resource-usage.ts'
import { performanceStatistics } from './performance-statistics.ts'
import { performanceSyncs } from './performance-syncs.ts'
import { performanceWarmUp } from './performance-warm-up.ts'
import { readyGet } from './ready-get.ts'
import { runActions } from './run-actions.ts'
import { runGet } from './run-get.ts'
import { runReport } from './run-report.ts'
import { syncDeadLetters } from './sync-dead-letters.ts'
import { syncGet } from './sync-get.ts'
import { syncList } from './sync-list.ts'
import { syncRun } from './sync-run.ts'
import { syncRuns } from './sync-runs.ts'
import { syncVerify } from './sync-verify.ts'
import { tokenInvalidate } from './token-invalidate.ts'
import { tokenList } from './token-list.ts'
import { tokenRefresh } from './token-refresh.ts'

/** Adds one route to the app. */
export type Route = (app: FastifyInstance, context: ServerContext) => void

/** Every route but the hot one (token-get.ts) and the documentation's pages (docs-page.ts), which live apart. */
export const routeTable: readonly Route[] = [
  tokenList,
  tokenRefresh,
  tokenInvalidate,
  accountList,
  accountAdd,
  accountGet,
  accountUpdate,
  accountRemove,
  blacklistList,
  accountBar,
  accountUnbar,
  historySearch,
  historyStatistics,
  historyPurge,
  performanceMetrics,
  performanceStatistics,
  performanceSyncs,
  performanceHealth,
  performanceResourceUsage,
  performanceOptimize,
  performanceCacheStats,
  performanceWarmUp,
  performanceCacheClear,
  performanceReset,
  performanceCleanup,
  syncList,
  syncGet,
  syncRuns,
  syncRun,
  syncVerify,
  syncDeadLetters,
  runGet,
  runReport,
  runActions,
  metricsGet,
  healthGet,
  readyGet,
  openapiGet,
  homePage,
]
