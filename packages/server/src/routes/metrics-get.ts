import type { FastifyInstance } from 'fastify'
import type { ServerContext } from '../http/server-context.ts'
import { keySecurity } from './token-schemas.ts'

/** `GET /metrics` in Prometheus' text format. */
export function metricsGet(app: FastifyInstance, { access, registry }: ServerContext): void {
  app.get(
    '/metrics',
    {
      schema: {
        tags: ['operation'],
        operationId: 'getMetrics',
        summary: 'Metrics for Prometheus',
        description: 'Needs the action `metrics`.',
        security: keySecurity,
      },
    },
    async (request, reply) => {
      access.allow(request.raw, 'metrics')
      return reply.header('content-type', registry.contentType).send(await registry.metrics())
    },
  )
}
