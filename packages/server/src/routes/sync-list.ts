import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ServerContext } from '../http/server-context.ts'
import { coversSync } from './sync-access.ts'
import { syncReply } from './sync-facts.ts'
import { syncFacts, syncsPath } from './sync-schemas.ts'
import { keySecurity } from './token-schemas.ts'

/** `GET /api/v1/syncs`: the syncs that the caller's key covers. */
export function syncList(app: FastifyInstance, { syncs, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    syncsPath,
    {
      schema: {
        tags: ['syncs'],
        operationId: 'listSyncs',
        summary: 'The syncs of the configuration, with their latest runs',
        description: 'Lists what the API key covers as `syncs/NAME`. Needs the action `list`.',
        security: keySecurity,
        querystring: z.strictObject({}),
        response: { 200: z.object({ syncs: z.array(syncFacts) }).describe('As the configuration has them.') },
      },
    },
    async request => {
      const caller = access.allow(request.raw, 'list')
      const names = syncs.names.filter(name => coversSync(caller, name))
      const facts = await Promise.all(names.map(name => syncs.facts(name)))
      return { syncs: facts.map(syncReply) }
    },
  )
}
