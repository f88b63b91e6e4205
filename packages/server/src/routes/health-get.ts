import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ServerContext } from '../http/server-context.ts'

/** `GET /healthz`: the process lives. It needs no key and tells strangers nothing more. */
export function healthGet(app: FastifyInstance, _context: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    '/healthz',
    {
      schema: {
        tags: ['operation'],
        operationId: 'getHealth',
        summary: 'Liveness: the process runs and answers',
        response: {
          200: z.object({ status: z.literal('ok') }).meta({ description: 'It does.', example: { status: 'ok' } }),
        },
      },
    },
    async () => ({ status: 'ok' as const }),
  )
}
