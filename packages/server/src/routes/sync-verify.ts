import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ServerContext } from '../http/server-context.ts'
import { runReply } from './run-facts.ts'
import { runFacts, runsPath } from './run-schemas.ts'
import { allowSync } from './sync-access.ts'
import { oneSyncSchema, syncsPath } from './sync-schemas.ts'

const body = z
  .strictObject({
    repair: z.boolean().optional().describe('Writes what is missing or different, deletes what is extra.'),
    listed: z.int().min(0).max(10_000).optional().describe('So many differences are listed; 100 without it.'),
    allowDeletes: z.boolean().optional().describe('Of a repair: deletes however much is extra.'),
  })
  .nullish()
  .meta({ example: { repair: true } })

/** `POST /api/v1/syncs/{name}/verify`: compares source and target, as a run of its own. */
export function syncVerify(app: FastifyInstance, { syncs, access, log }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().post(
    `${syncsPath}/:name/verify`,
    {
      schema: {
        ...oneSyncSchema,
        operationId: 'verifySync',
        summary: 'Compare source and target, and put right what differs if asked to',
        description:
          'Compares as a run, whose `verification` tells what was found once it is completed. Nothing is changed unless ' +
          '`repair` is true. Needs the action `admin`.',
        body,
        response: { 202: runFacts.describe('The run; ask for it again.') },
      },
    },
    async (request, reply) => {
      const { name } = request.params
      const caller = allowSync(access, request.raw, 'admin', name)
      const { repair = false, listed, allowDeletes = false } = request.body ?? {}
      const record = await syncs.start(name, { kind: 'verify', repair, listed, allowDeletes })
      log.info({ sync: name, run: record.id, repair, caller: caller.name }, 'Comparison started on request')
      return reply.code(202).header('location', `${runsPath}/${record.id}`).send(runReply(record))
    },
  )
}
