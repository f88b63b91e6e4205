import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { assertCoversAll } from '../http/access.ts'
import { keptHistory } from '../http/kept-history.ts'
import { noBody, performancePaths } from '../http/performance-paths.ts'
import type { ServerContext } from '../http/server-context.ts'
import { daysText } from './query-schemas.ts'
import { keySecurity } from './token-schemas.ts'

const dropped = z
  .object({
    expiredBars: z.int().describe('Bars of accounts that were over.'),
    settledReservations: z.int().describe('Slots of logins with passwords that are not in use any more.'),
    deadClaims: z.int().describe('Rights to acquire a token whose holder has died.'),
    oldRecords: z.int().describe('Stored tokens that were long over.'),
    historyRecords: z.int().optional().describe('Records older than `days`; only where `days` was given.'),
  })
  .meta({ example: { expiredBars: 2, settledReservations: 1, deadClaims: 0, oldRecords: 14, historyRecords: 1204 } })

/** `POST …/resources/cleanup`: tidies up now what is else tidied up by and by. */
export function performanceCleanup(
  app: FastifyInstance,
  { accounts, store, history, access, log }: ServerContext,
): void {
  for (const { path, operationId } of performancePaths('resources/cleanup', 'cleanUpResources')) {
    app.withTypeProvider<ZodTypeProvider>().post(
      path,
      {
        schema: {
          tags: ['performance'],
          operationId,
          summary: 'Drop what is over: expired bars, settled slots, dead claims, old records',
          description:
            'History is dropped only with `days`. Nothing that is in use is touched. Needs the action `admin`, of a key ' +
            'that covers everything.',
          security: keySecurity,
          querystring: z.strictObject({
            days: daysText.optional().describe('Drop history older than so many days as well, 1 to 90.'),
          }),
          body: noBody,
          response: { 200: dropped.describe('How many of each were dropped.') },
        },
      },
      async request => {
        const caller = access.allow(request.raw, 'admin')
        assertCoversAll(caller, '')
        const { days } = request.query
        const kept = days === undefined ? undefined : keptHistory(history)
        const { expiredBars, settledReservations } = await accounts.cleanup()
        const { deadClaims, oldRecords } = (await store.cleanup?.()) ?? { deadClaims: 0, oldRecords: 0 }
        const cleaned = {
          ...{ expiredBars, settledReservations, deadClaims, oldRecords },
          ...(kept && { historyRecords: await kept.purge({ days }) }),
        }
        log.info({ ...cleaned, caller: caller.name }, 'Cleaned up on request')
        return cleaned
      },
    )
  }
}
