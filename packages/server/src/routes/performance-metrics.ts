import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { PerformanceDimensions } from 'hotwell/monitoring'
import { z } from 'zod'
import type { Caller } from '../http/access.ts'
import { accountRef } from '../http/account-target.ts'
import { performancePaths } from '../http/performance-paths.ts'
import type { ServerContext } from '../http/server-context.ts'
import { metricsReply } from './performance-schemas.ts'
import { keySecurity } from './token-schemas.ts'

/** `GET …/metrics`: the live figures of this process. */
export function performanceMetrics(app: FastifyInstance, { monitor, access }: ServerContext): void {
  for (const { path, operationId } of performancePaths('metrics', 'getPerformanceMetrics')) {
    app.withTypeProvider<ZodTypeProvider>().get(
      path,
      {
        schema: {
          tags: ['performance'],
          operationId,
          summary: 'How acquisitions do, since the start or the last reset',
          description:
            'The totals are those of the whole server; sites and accounts are those that the API key covers. Needs the ' +
            'action `metrics`.',
          security: keySecurity,
          querystring: z.strictObject({}),
          response: { 200: metricsReply.describe('Rates are 0 to 1.') },
        },
      },
      async request => {
        const caller = access.allow(request.raw, 'metrics')
        const { sinceAt, ...snapshot } = monitor.snapshot()
        const since = { sinceAt: new Date(sinceAt).toISOString() }
        return { ...snapshot, ...since, ...coveredDimensions(monitor.dimensions(), caller) }
      },
    )
  }
}

function coveredDimensions(dimensions: PerformanceDimensions, caller: Caller) {
  const { byProvider, byKind, bySite, byAccount, forgottenAccounts } = dimensions
  return {
    byProvider: only(byProvider, provider => caller.coversAll(`${provider}/`)),
    byKind: only(byKind, kind => caller.covers(kind) || caller.coversAll(`${kind}/`)),
    bySite: only(bySite, site => caller.coversAll(`${site}/account/`)),
    byAccount: only(byAccount, key => caller.covers(refOf(key))),
    forgottenAccounts,
  }
}

/** A site has no slash in its name; an account may. */
function refOf(key: string): string {
  const slash = key.indexOf('/')
  return accountRef({ site: key.slice(0, slash), account: key.slice(slash + 1) })
}

function only<T>(figures: Readonly<Record<string, T>>, covers: (key: string) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(figures).filter(([key]) => covers(key)))
}
