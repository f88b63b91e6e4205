import type { CacheFigures, TokenMetricsSnapshot } from './metrics-snapshot.ts'

const leastHitRate = 0.8
const leastRefreshSuccess = 0.95
const leastReadShare = 0.7

/** The performance report: fixed lines in a fixed order, because people and scripts read it. */
export function performanceReport(snapshot: TokenMetricsSnapshot): string {
  const { app, tenant, user, other, refreshes, readLocks, writeLocks } = snapshot
  const lines = [
    'TokenManager Performance Metrics:',
    `- App Cache Hit Rate: ${percent(app.hitRate)}`,
    `- Tenant Cache Hit Rate: ${percent(tenant.hitRate)}`,
    `- Refresh Success Rate: ${percent(refreshes.successRate)}`,
    `- Total Read Locks: ${readLocks}`,
    `- Total Write Locks: ${writeLocks}`,
    cacheLine('App', app),
    cacheLine('Tenant', tenant),
    `- Refreshes: ${refreshes.successes} success, ${refreshes.failures} failures`,
  ]
  if (used(user)) lines.push(`- User Cache Hit Rate: ${percent(user.hitRate)}`, cacheLine('User', user))
  if (used(other)) lines.push(`- Other Cache Hit Rate: ${percent(other.hitRate)}`, cacheLine('Other', other))
  return lines.join('\n')
}

/** Each figure that is under its limit, as a sentence. A figure that nothing was counted for is no warning. */
export function performanceWarnings(snapshot: TokenMetricsSnapshot): string[] {
  const { app, tenant, user, other, refreshes, readLocks, writeLocks, readShare } = snapshot
  const refreshed = refreshes.successes + refreshes.failures > 0
  const lookedUp = [app, tenant, user, other].some(used)
  return [
    ...below('App cache hit rate', app.hitRate, leastHitRate, used(app)),
    ...below('Tenant cache hit rate', tenant.hitRate, leastHitRate, used(tenant)),
    ...below('User cache hit rate', user.hitRate, leastHitRate, used(user)),
    ...below('Other cache hit rate', other.hitRate, leastHitRate, used(other)),
    ...below('Refresh success rate', refreshes.successRate, leastRefreshSuccess, refreshed),
    ...below('Read share of all locks', readShare, leastReadShare, lookedUp && readLocks + writeLocks > 0),
  ]
}

function below(what: string, rate: number, least: number, counted: boolean): string[] {
  return counted && rate < least ? [`${what} is ${percent(rate)}, under ${percent(least)}`] : []
}

function used({ hits, misses }: CacheFigures): boolean {
  return hits + misses > 0
}

function cacheLine(kind: string, { hits, misses }: CacheFigures): string {
  return `- ${kind} Cache: ${hits} hits, ${misses} misses`
}

function percent(rate: number): string {
  return `${(rate * 100).toFixed(2)}%`
}
