import { historyRequests } from '../client/history-requests.ts'
import {
  type CleanupReply,
  type ConcurrencyReply,
  type HealthReply,
  type HealthState,
  type MetricsReply,
  performanceRequests,
  type WarmUpReply,
} from '../client/performance-requests.ts'
import type { ServerClient } from '../client/server-client.ts'
import { CommandFailure, exitCodes } from './exit-codes.ts'

export interface OptimizationSteps {
  healthCheck?: boolean
  cleanupDays?: number
  /** The sites to warm. */
  warmCache?: readonly string[]
  optimizeConcurrency?: boolean
  apply?: boolean
  /** The ID of an applied change. */
  undo?: string
  resetMetrics?: boolean
}

/** What was done and found. A step that was not asked for is absent, one that failed is among the failures. */
export interface OptimizationResult {
  server: string
  at: string
  health?: HealthReply & { metrics: MetricsReply }
  cleanup?: CleanupReply & { days: number; historyRecords: number }
  warmUp?: (WarmUpReply & { site: string })[]
  concurrency?: ConcurrencyReply & { undone?: string }
  metricsReset?: boolean
  failures: { step: string; message: string }[]
  exitCode: number
  /** One sentence on the whole. */
  verdict: string
}

const codeOfHealth: Record<HealthState, number> = { healthy: 0, warning: 1, degraded: 1, unhealthy: 2 }

/**
 * Does what was asked for, one step after the other, the health check when nothing was. Health is judged before anything
 * is changed, and the metrics begin anew only when nothing else reads them. A step that fails does not keep the others.
 * @throws CommandFailure when no server answers, or the first thing asked is refused: there is nothing to report
 */
export async function runOptimization(
  client: ServerClient,
  asked: OptimizationSteps,
  progress: (text: string) => void,
): Promise<OptimizationResult> {
  const { cleanupDays, warmCache = [], optimizeConcurrency, apply, undo, resetMetrics } = asked
  const nothing = cleanupDays === undefined && warmCache.length === 0 && !optimizeConcurrency && !resetMetrics
  const healthCheck = asked.healthCheck || nothing
  const performance = performanceRequests(client)
  const done: Pick<OptimizationResult, 'health' | 'cleanup' | 'warmUp' | 'concurrency' | 'metricsReset'> = {}
  const failures: { step: string; failure: CommandFailure }[] = []
  const step = async (name: string, work: () => Promise<void>) => {
    progress(`${name} …`)
    try {
      await work()
    } catch (failure) {
      if (!(failure instanceof CommandFailure)) throw failure
      const first = Object.keys(done).length + failures.length === 0
      if (failure.exitCode === exitCodes.unreachable || (first && failure.exitCode === exitCodes.refused)) throw failure
      failures.push({ step: name, failure })
    } finally {
      progress('')
    }
  }

  if (healthCheck) {
    await step('Health', async () => {
      const [health, metrics] = await Promise.all([performance.health(), performance.metrics()])
      done.health = { ...health, metrics }
    })
  }
  if (cleanupDays !== undefined) {
    await step('Clean-up', async () => {
      const dropped = await performance.cleanup()
      const { deleted } = await historyRequests(client).purge(cleanupDays)
      done.cleanup = { ...dropped, days: cleanupDays, historyRecords: deleted }
    })
  }
  for (const site of new Set(warmCache)) {
    await step(`Warm-up of ${site}`, async () => {
      done.warmUp = [...(done.warmUp ?? []), { ...(await performance.warmUp(site)), site }]
    })
  }
  if (optimizeConcurrency) {
    await step('Concurrency', async () => {
      const reply = await performance.concurrency(undo === undefined ? { apply: apply ? 'true' : undefined } : { undo })
      done.concurrency = undo === undefined ? reply : { ...reply, undone: undo }
    })
  }
  if (resetMetrics) {
    await step('Metrics', async () => {
      await performance.resetMetrics()
      done.metricsReset = true
    })
  }

  const told = failures.map(({ step: name, failure }) => ({ step: name, message: failure.message }))
  const refused = failures.some(({ failure }) => failure.exitCode === exitCodes.refused)
  const ofSteps = refused ? exitCodes.refused : failures.length > 0 ? exitCodes.failure : exitCodes.ok
  const ofHealth = done.health ? codeOfHealth[done.health.state] : exitCodes.ok
  return {
    server: client.url,
    at: new Date().toISOString(),
    ...done,
    failures: told,
    exitCode: Math.max(ofSteps, ofHealth),
    verdict: [
      ...(done.health ? [`the server is ${done.health.state}`] : []),
      ...(told.length > 0 ? [`failed: ${told.map(({ step: name }) => name).join(', ')}`] : []),
    ].join('; '),
  }
}
