import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ServerContext } from '../http/server-context.ts'
import { factsOf } from './token-facts.ts'
import { keySecurity, tokenFacts } from './token-schemas.ts'

/** `GET /api/v1/tokens`: states, lives and generations of the tokens that the caller's key covers; never values. */
export function tokenList(app: FastifyInstance, { tokens, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    '/api/v1/tokens',
    {
      schema: {
        tags: ['tokens'],
        operationId: 'listTokens',
        summary: 'All tokens in use or in the manifest, without their values',
        description: 'Lists what the API key covers. Needs the action `list`.',
        security: keySecurity,
        querystring: z.strictObject({}),
        response: { 200: z.object({ tokens: z.array(tokenFacts) }).describe('The tokens, without values.') },
      },
    },
    async request => {
      const caller = access.allow(request.raw, 'list')
      const covered = tokens.list().filter(({ ref }) => caller.covers(ref))
      return { tokens: covered.map(factsOf) }
    },
  )
}
