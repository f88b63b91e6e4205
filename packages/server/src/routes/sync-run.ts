import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ServerContext } from '../http/server-context.ts'
import { runReply } from './run-facts.ts'
import { part, runFacts, runsPath } from './run-schemas.ts'
import { allowSync } from './sync-access.ts'
import { oneSyncSchema, syncsPath } from './sync-schemas.ts'

const body = z
  .strictObject({
    mode: z.enum(['full', 'incremental']).optional().describe('Without it, that of the strategy.'),
    part: part.optional(),
    allowDeletes: z.boolean().optional().describe('Deletes however much is gone at the source.'),
  })
  .refine(({ mode, part }) => mode === undefined || part === undefined, 'give `mode` or `part`, not both')
  .nullish()
  .meta({ example: { part: { subtree: 'unit-7', depth: 2 } } })

/** `POST /api/v1/syncs/{name}/runs`: begins a run, in a thread of its own. */
export function syncRun(app: FastifyInstance, { syncs, access, log }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().post(
    `${syncsPath}/:name/runs`,
    {
      schema: {
        ...oneSyncSchema,
        operationId: 'runSync',
        summary: 'Run a sync now',
        description:
          'Goes on where an earlier run ended before its end. One run at a time: while another is not over, `conflict` ' +
          'names it. Needs the action `admin`.',
        body,
        response: { 202: runFacts.describe('The run, which has begun or waits for its turn; ask for it again.') },
      },
    },
    async (request, reply) => {
      const { name } = request.params
      const caller = allowSync(access, request.raw, 'admin', name)
      const { mode, part, allowDeletes = false } = request.body ?? {}
      const record = await syncs.start(name, { kind: 'run', mode, part, allowDeletes })
      log.info({ sync: name, run: record.id, caller: caller.name }, 'Sync started on request')
      return reply.code(202).header('location', `${runsPath}/${record.id}`).send(runReply(record))
    },
  )
}
