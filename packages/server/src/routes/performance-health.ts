import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { performancePaths } from '../http/performance-paths.ts'
import type { ServerContext } from '../http/server-context.ts'
import { serverHealth } from '../performance/server-health.ts'
import { healthReply } from './performance-schemas.ts'
import { keySecurity } from './token-schemas.ts'

/** A problem may name tokens and accounts. */
const untold = 'A key that covers everything is told what it is.'

/** `GET …/health`: how the server does, judged now. */
export function performanceHealth(app: FastifyInstance, context: ServerContext): void {
  for (const { path, operationId } of performancePaths('health', 'getPerformanceHealth')) {
    app.withTypeProvider<ZodTypeProvider>().get(
      path,
      {
        schema: {
          tags: ['performance'],
          operationId,
          summary: 'How the server does: alerts, anomalies, and what it stands on',
          description:
            'The worst of all decides: `warning` for a low alert, `degraded` for a medium one, `unhealthy` for a high one. ' +
            'Always 200, whatever the state: probes that should act on a status ask `/healthz` and `/readyz`. Needs the ' +
            'action `metrics`.',
          security: keySecurity,
          querystring: z.strictObject({}),
          response: { 200: healthReply.describe('Judged now.') },
        },
      },
      async request => {
        const caller = context.access.allow(request.raw, 'metrics')
        const health = serverHealth(context)
        if (caller.coversAll('')) return health
        const checks = health.checks.map(check => ({ ...check, problems: check.problems.map(() => untold) }))
        return { ...health, checks }
      },
    )
  }
}
