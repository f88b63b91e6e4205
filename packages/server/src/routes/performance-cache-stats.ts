import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { performancePaths } from '../http/performance-paths.ts'
import type { ServerContext } from '../http/server-context.ts'
import { cacheFigures } from '../performance/cache-figures.ts'
import { cacheReply } from './performance-schemas.ts'
import { keySecurity } from './token-schemas.ts'

/** `GET …/cache-stats`: how the caches do. */
export function performanceCacheStats(app: FastifyInstance, { tokens, accounts, access }: ServerContext): void {
  for (const { path, operationId } of performancePaths('cache-stats', 'getCacheStatistics')) {
    app.withTypeProvider<ZodTypeProvider>().get(
      path,
      {
        schema: {
          tags: ['performance'],
          operationId,
          summary: 'How the caches of tokens and accounts do',
          description: 'Counted since the start. Needs the action `metrics`.',
          security: keySecurity,
          querystring: z.strictObject({}),
          response: { 200: cacheReply.describe('By cache.') },
        },
      },
      async request => {
        access.allow(request.raw, 'metrics')
        return cacheFigures(tokens, accounts)
      },
    )
  }
}
