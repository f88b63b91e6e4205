import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { ServerContext } from '../http/server-context.ts'
import { allowSync } from './sync-access.ts'
import { syncReply } from './sync-facts.ts'
import { oneSyncSchema, syncFacts, syncsPath } from './sync-schemas.ts'

/** `GET /api/v1/syncs/{name}` */
export function syncGet(app: FastifyInstance, { syncs, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    `${syncsPath}/:name`,
    {
      schema: {
        ...oneSyncSchema,
        operationId: 'getSync',
        summary: 'A sync, with its latest run',
        description: 'Needs the action `list`.',
        response: { 200: syncFacts.describe('The sync.') },
      },
    },
    async request => {
      const { name } = request.params
      allowSync(access, request.raw, 'list', name)
      return syncReply(await syncs.facts(name))
    },
  )
}
