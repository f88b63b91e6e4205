import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { assertCoversFigures } from '../http/covered-records.ts'
import { keptHistory } from '../http/kept-history.ts'
import type { ServerContext } from '../http/server-context.ts'
import { statisticsReplyOf } from './history-facts.ts'
import { account, historyPath, kind, site, statisticsReply } from './history-schemas.ts'
import { daysText } from './query-schemas.ts'
import { keySecurity } from './token-schemas.ts'

const querystring = z.strictObject({
  days: daysText.optional().describe('So many days back, 1 to 90; 7 without it.'),
  site,
  account,
  kind,
})

/** `GET /api/v1/history/statistics`: what acquisitions came to, by status, site, day and account. */
export function historyStatistics(app: FastifyInstance, { history, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    `${historyPath}/statistics`,
    {
      schema: {
        tags: ['history'],
        operationId: 'getHistoryStatistics',
        summary: 'What acquisitions came to, by status, site, day and account',
        description:
          'A key that does not cover everything has to say which site, or token. Needs the action `history`.',
        security: keySecurity,
        querystring,
        response: { 200: statisticsReply.describe('Over what is written: all but the last second or so.') },
      },
    },
    async request => {
      const caller = access.allow(request.raw, 'history')
      assertCoversFigures(caller, request.query)
      return statisticsReplyOf(await keptHistory(history).statistics(request.query))
    },
  )
}
