import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { HotwellError } from 'hotwell'
import { z } from 'zod'
import { assertCoversAll } from '../http/access.ts'
import { noBody, performancePaths } from '../http/performance-paths.ts'
import type { ServerContext } from '../http/server-context.ts'
import { adviseConcurrency } from '../performance/advise-concurrency.ts'
import { finiteLimits } from './gate-reply.ts'
import { concurrencyReply } from './performance-schemas.ts'
import { daysText } from './query-schemas.ts'
import { keySecurity } from './token-schemas.ts'

const querystring = z.strictObject({
  apply: z
    .enum(['true', 'false', 'True', 'False'])
    .optional()
    .describe('true: put the recommended limits in force, within `gate.bounds` of the configuration.'),
  undo: z
    .string()
    .min(1)
    .optional()
    .describe('The `changeId` of an applied change: put back what was in force before.'),
  days: daysText.optional().describe('From so many days of history, 1 to 90; 1 without it.'),
})

/** `POST …/optimize-concurrency`: advice on the limits of the gate; applied and taken back on request. */
export function performanceOptimize(app: FastifyInstance, context: ServerContext): void {
  const { tokens, tuning, access, log } = context
  for (const { path, operationId } of performancePaths('optimize-concurrency', 'optimizeConcurrency')) {
    app.withTypeProvider<ZodTypeProvider>().post(
      path,
      {
        schema: {
          tags: ['performance'],
          operationId,
          summary: 'Recommend limits of the gate, put them in force, or take that back',
          description:
            'Reasons from history and usage: utilisation, waits, 429s, failures. What is put in force lasts until it is ' +
            'taken back, the configuration gets other limits, or the server ends; changes are taken back the newest ' +
            'first. Needs the action `admin`, of a key that covers everything.',
          security: keySecurity,
          querystring,
          body: noBody,
          response: { 200: concurrencyReply.describe('What is recommended, and what is in force now.') },
        },
      },
      async request => {
        const caller = access.allow(request.raw, 'admin')
        assertCoversAll(caller, '')
        const { undo, days = 1 } = request.query
        const apply = request.query.apply?.toLowerCase() === 'true'
        if (undo !== undefined && apply) {
          throw new HotwellError('invalid_request', 'A change is either applied or taken back: give `apply` or `undo`.')
        }
        const limits = () => finiteLimits(tokens.gateUsage().limits)
        if (undo !== undefined) {
          const restored = tuning.undo(undo)
          log.info({ undone: undo, limits: restored, caller: caller.name }, 'Limits of the gate taken back on request')
          return { recommendations: [], applied: false, changeId: null, undone: undo, limits: limits() }
        }
        const { recommendations, logins, others } = await adviseConcurrency(context, days)
        const better = Object.fromEntries(recommendations.map(({ field, recommended }) => [field, recommended]))
        const changeId = apply ? tuning.apply(better) : undefined
        if (changeId)
          log.info({ changeId, limits: better, caller: caller.name }, 'Limits of the gate changed on request')
        return {
          recommendations: [...recommendations],
          ...{ logins, others },
          applied: changeId !== undefined,
          changeId: changeId ?? null,
          limits: limits(),
        }
      },
    )
  }
}
