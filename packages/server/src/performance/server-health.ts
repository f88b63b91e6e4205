import type { ServerContext } from '../http/server-context.ts'
import type { HealthReply } from '../routes/performance-schemas.ts'

type Check = HealthReply['checks'][number]

const order = ['healthy', 'warning', 'degraded', 'unhealthy'] as const

/** How the server does: what the monitor says of acquisitions, and whether what it stands on works. */
export function serverHealth({
  monitor,
  tokens,
  accounts,
  history,
}: Pick<ServerContext, 'monitor' | 'tokens' | 'accounts' | 'history'>): HealthReply {
  const { state, alerts, anomalies, checkedAt } = monitor.health()
  const { store, breakers } = tokens.health()
  const failing = store.failing ? ['It fails: tokens are served from memory and would not survive a restart.'] : []
  const stopped = Object.entries(breakers).map(([provider, { message }]) => `${provider}: ${message}`)
  const checks = [
    check('store', 'degraded', [...failing, ...store.problems]),
    check('accounts', 'degraded', accounts.problems()),
    check('providers', 'degraded', stopped),
    // Records wait in memory meanwhile, and tokens are served all the same.
    check('history', 'warning', history?.problems() ?? []),
  ]
  const worst = Math.max(order.indexOf(state), ...checks.map(one => order.indexOf(one.state)))
  return {
    state: order[worst]!,
    alerts: alerts.map(({ sinceAt, ...alert }) => ({ ...alert, sinceAt: new Date(sinceAt).toISOString() })),
    anomalies: anomalies.map(({ sinceAt, ...anomaly }) => ({ ...anomaly, sinceAt: new Date(sinceAt).toISOString() })),
    checks,
    checkedAt: new Date(checkedAt).toISOString(),
  }
}

function check(name: Check['name'], whenWrong: Check['state'], problems: readonly string[]): Check {
  return { name, state: problems.length === 0 ? 'healthy' : whenWrong, problems: [...problems] }
}
