import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { assertCoversAll } from '../http/access.ts'
import { keptHistory } from '../http/kept-history.ts'
import type { ServerContext } from '../http/server-context.ts'
import { historyPath } from './history-schemas.ts'
import { daysText } from './query-schemas.ts'
import { keySecurity } from './token-schemas.ts'

/** `DELETE /api/v1/history?days=N`: drops what is older than N days. */
export function historyPurge(app: FastifyInstance, { history, access, log }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().delete(
    historyPath,
    {
      schema: {
        tags: ['history'],
        operationId: 'purgeHistory',
        summary: 'Drop the records that are older than so many days',
        description:
          'What is older than `history.retentionDays` is dropped hourly by itself. Needs the action `history`, of a key ' +
          'that covers everything.',
        security: keySecurity,
        querystring: z.strictObject({ days: daysText.describe('1 to 90.') }),
        response: {
          200: z
            .object({ deleted: z.int() })
            .meta({ example: { deleted: 1204 } })
            .describe('How many records were dropped.'),
        },
      },
    },
    async request => {
      const caller = access.allow(request.raw, 'history')
      assertCoversAll(caller, '')
      const { days } = request.query
      const deleted = await keptHistory(history).purge({ days })
      log.info({ days, deleted, caller: caller.name }, 'Old history dropped on request')
      return { deleted }
    },
  )
}
