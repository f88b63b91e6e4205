import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ServerContext } from '../http/server-context.ts'

const counts = { warm: z.int(), failed: z.int(), pending: z.int() }
const report = z
  .object({
    ready: z.boolean(),
    manifest: z.object(counts),
    failed: z.array(z.object({ ref: z.string(), code: z.string() })).optional(),
    pending: z.array(z.string()).optional(),
    problems: z.array(z.string()).optional(),
  })
  .describe('The lists are for callers who may list tokens.')
  .meta({
    example: { ready: true, manifest: { warm: 6, failed: 0, pending: 0 }, failed: [], pending: [], problems: [] },
  })

/** `GET /readyz`: 200 once each token of the manifest is warm or has failed once; before that 503. */
export function readyGet(app: FastifyInstance, { access, readiness, tokens, accounts, history }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    '/readyz',
    {
      schema: {
        tags: ['operation'],
        operationId: 'getReadiness',
        summary: 'Readiness: the manifest is warm',
        description:
          'Ready once each token of the manifest is there or has failed once, at the latest after readyTimeoutSeconds. ' +
          'Then for good: a token that fails later does not take the server away from the others.',
        response: {
          200: report.describe('Ready.'),
          503: report.describe('Not yet: some tokens are still being tried.'),
        },
      },
    },
    async (request, reply) => {
      const { ready, warm, failed, pending } = readiness.report()
      reply.code(ready ? 200 : 503)
      const body = { ready, manifest: { warm: warm.length, failed: failed.length, pending: pending.length } }
      const caller = access.lister(request.raw)
      if (!caller) return body
      return {
        ...body,
        failed: failed.filter(({ ref }) => caller.covers(ref)),
        pending: pending.filter(ref => caller.covers(ref)),
        problems: caller.coversAll('')
          ? [...tokens.health().problems, ...accounts.problems(), ...(history?.problems() ?? [])]
          : undefined,
      }
    },
  )
}
