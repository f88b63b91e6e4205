import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { assertCoversAll } from '../http/access.ts'
import { noBody, performancePaths } from '../http/performance-paths.ts'
import type { ServerContext } from '../http/server-context.ts'
import { keySecurity } from './token-schemas.ts'

const reply = z
  .object({ reset: z.literal(true), sinceAt: z.string().describe('What the figures count from now.') })
  .meta({ example: { reset: true, sinceAt: '2026-01-31T12:00:00.000Z' } })

/** `POST …/metrics/reset`: the live figures begin anew. */
export function performanceReset(app: FastifyInstance, { monitor, access, log }: ServerContext): void {
  for (const { path, operationId } of performancePaths('metrics/reset', 'resetPerformanceMetrics')) {
    app.withTypeProvider<ZodTypeProvider>().post(
      path,
      {
        schema: {
          tags: ['performance'],
          operationId,
          summary: 'Begin the live figures anew',
          description:
            'Those of `metrics` and what alerts are judged by. History stays, and so do the counters of `/metrics`, which ' +
            'Prometheus expects to grow. Needs the action `admin`, of a key that covers everything.',
          security: keySecurity,
          querystring: z.strictObject({}),
          body: noBody,
          response: { 200: reply.describe('They begin anew.') },
        },
      },
      async request => {
        const caller = access.allow(request.raw, 'admin')
        assertCoversAll(caller, '')
        monitor.reset()
        log.info({ caller: caller.name }, 'Live figures reset on request')
        return { reset: true as const, sinceAt: new Date(monitor.snapshot().sinceAt).toISOString() }
      },
    )
  }
}
