import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { acquisitionStatuses, acquisitionTriggers } from 'hotwell'
import { z } from 'zod'
import { coveredRecords } from '../http/covered-records.ts'
import { keptHistory } from '../http/kept-history.ts'
import { RequestRefused } from '../http/problem.ts'
import type { ServerContext } from '../http/server-context.ts'
import { recordReplyOf } from './history-facts.ts'
import { account, historyPath, kind, recordReply, site } from './history-schemas.ts'
import { instantText, wholeNumber } from './query-schemas.ts'
import { keySecurity } from './token-schemas.ts'

const querystring = z.strictObject({
  site,
  account,
  kind,
  status: z.enum(acquisitionStatuses).optional().describe('Only those that ended so.'),
  trigger: z.enum(acquisitionTriggers).optional().describe('Only those made because of this.'),
  from: instantText.optional().describe('Finished from then on.'),
  to: instantText.optional().describe('Finished before then.'),
  limit: wholeNumber(1, 500).optional().describe('So many on a page, 1 to 500; 50 without it.'),
  cursor: z.string().optional().describe('`nextCursor` of the page before.'),
})

/** `GET /api/v1/history`: past acquisitions, the newest first. */
export function historySearch(app: FastifyInstance, { history, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    historyPath,
    {
      schema: {
        tags: ['history'],
        operationId: 'searchHistory',
        summary: 'Past acquisitions, the newest first, page by page',
        description:
          'An acquisition is found a second or so after its end. A key that does not cover all tokens sees the records of ' +
          'those that it covers; its pages may be short while there are older ones. Needs the action `history`.',
        security: keySecurity,
        querystring,
        response: {
          200: z
            .object({ records: z.array(recordReply), nextCursor: z.string().nullable() })
            .describe('A page; `nextCursor` is null on the last one.'),
        },
      },
    },
    async request => {
      const caller = access.allow(request.raw, 'history')
      const { from: fromAt, to: toAt, ...filter } = request.query
      if (fromAt !== undefined && toAt !== undefined && fromAt > toAt) {
        throw new RequestRefused('invalid_request', '`from` is later than `to`, so nothing could be found.')
      }
      const page = await coveredRecords(keptHistory(history), caller, { ...filter, fromAt, toAt })
      return { records: page.records.map(recordReplyOf), nextCursor: page.nextCursor ?? null }
    },
  )
}
