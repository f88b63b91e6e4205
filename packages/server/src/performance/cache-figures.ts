import type { TokenManager } from 'hotwell'
import type { Accounts } from 'hotwell/accounts'
import type { CacheReply } from '../routes/performance-schemas.ts'

/** How the caches of tokens and accounts do. */
export function cacheFigures(tokens: TokenManager, accounts: Accounts): CacheReply {
  const { app, tenant, user, other } = tokens.metrics.snapshot()
  const kinds = { app: { ...app }, tenant: { ...tenant }, user: { ...user }, other: { ...other } }
  const hits = app.hits + tenant.hits + user.hits + other.hits
  const misses = app.misses + tenant.misses + user.misses + other.misses
  const hitRate = hits + misses === 0 ? 0 : hits / (hits + misses)
  const size = tokens.list().filter(({ state }) => state === 'fresh' || state === 'stale').length
  const { credentials, blacklist, statistics } = accounts.cacheStats()
  return {
    tokens: { size, hits, misses, hitRate, byKind: kinds },
    credentials: { ...credentials },
    blacklist: { ...blacklist },
    statistics: { ...statistics },
  }
}
