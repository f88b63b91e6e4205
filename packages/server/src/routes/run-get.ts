import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { ServerContext } from '../http/server-context.ts'
import { runReply } from './run-facts.ts'
import { oneRunSchema, runFacts, runsPath } from './run-schemas.ts'
import { allowRun } from './sync-access.ts'

/** `GET /api/v1/runs/{id}` */
export function runGet(app: FastifyInstance, { syncs, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    `${runsPath}/:id`,
    {
      schema: {
        ...oneRunSchema,
        operationId: 'getRun',
        summary: 'A run: how far it is, or how it ended',
        description: 'Needs the action `list`.',
        response: { 200: runFacts.describe('The run.') },
      },
    },
    async request => {
      const { record } = await allowRun(access, request.raw, 'list', () => syncs.run(request.params.id))
      return runReply(record)
    },
  )
}
