import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { assertCoversFigures } from '../http/covered-records.ts'
import { keptHistory } from '../http/kept-history.ts'
import { assertProvider } from '../http/known-sites.ts'
import { performancePaths, siteName, siteNameOf } from '../http/performance-paths.ts'
import type { ServerContext } from '../http/server-context.ts'
import { statisticsReplyOf } from './history-facts.ts'
import { statisticsReply } from './history-schemas.ts'
import { daysText } from './query-schemas.ts'
import { keySecurity } from './token-schemas.ts'

const querystring = z.strictObject({
  days: daysText.optional().describe('So many days back, 1 to 90; 7 without it.'),
  ...siteName,
  site_name: z.string().optional().describe('Only this site: the name of its provider; empty: all.'),
})

/** `GET …/statistics`: what the acquisitions of the last days came to. */
export function performanceStatistics(app: FastifyInstance, { history, tokens, access }: ServerContext): void {
  for (const { path, operationId } of performancePaths('statistics', 'getPerformanceStatistics')) {
    app.withTypeProvider<ZodTypeProvider>().get(
      path,
      {
        schema: {
          tags: ['performance'],
          operationId,
          summary: 'What the acquisitions of the last days came to, by status, site, day and account',
          description:
            'From the history. A key that does not cover everything has to name a site. Needs the action `metrics`.',
          security: keySecurity,
          querystring,
          response: { 200: statisticsReply.describe('Over what is written: all but the last second or so.') },
        },
      },
      async request => {
        const caller = access.allow(request.raw, 'metrics')
        const site = siteNameOf(request.query) || undefined
        assertCoversFigures(caller, { site })
        const kept = keptHistory(history)
        const statistics = await kept.statistics({ days: request.query.days, site })
        // A site that is gone from the configuration still has its past.
        if (site !== undefined && statistics.total === 0) assertProvider(tokens, site, caller)
        return statisticsReplyOf(statistics)
      },
    )
  }
}
