import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { RequestRefused } from '../http/problem.ts'
import type { ServerContext } from '../http/server-context.ts'
import type { RunRecord } from '../syncs/run-record.ts'
import { wholeNumber } from './query-schemas.ts'
import { runReply } from './run-facts.ts'
import { runFacts } from './run-schemas.ts'
import { allowSync } from './sync-access.ts'
import { oneSyncSchema, syncsPath } from './sync-schemas.ts'

const querystring = z.strictObject({
  limit: wholeNumber(1, 500).optional().describe('So many on a page, 1 to 500; 50 without it.'),
  cursor: z.string().optional().describe('`nextCursor` of the page before.'),
})

/** `GET /api/v1/syncs/{name}/runs`: the runs of 30 days, the newest first. */
export function syncRuns(app: FastifyInstance, { syncs, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    `${syncsPath}/:name/runs`,
    {
      schema: {
        ...oneSyncSchema,
        operationId: 'listRuns',
        summary: 'The runs of a sync, the newest first, page by page',
        description: 'Runs are remembered for 30 days. Needs the action `list`.',
        querystring,
        response: {
          200: z
            .object({ runs: z.array(runFacts), nextCursor: z.string().nullable() })
            .describe('A page; `nextCursor` is null on the last one.'),
        },
      },
    },
    async request => {
      const { name } = request.params
      allowSync(access, request.raw, 'list', name)
      const { limit = 50, cursor } = request.query
      // Says whether there is such a sync.
      await syncs.facts(name)
      const after = cursor === undefined ? undefined : placeOf(cursor)
      const found = await syncs.runs({ sync: name, limit: limit + 1, after })
      const runs = found.slice(0, limit)
      return { runs: runs.map(runReply), nextCursor: found.length > limit ? cursorOf(runs.at(-1)!) : null }
    },
  )
}

function cursorOf({ createdAt, id }: RunRecord): string {
  return Buffer.from(`${createdAt} ${id}`).toString('base64url')
}

function placeOf(cursor: string): { createdAt: number; id: string } {
  const [, at, id] = /^(\d+) (.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (at === undefined) throw new RequestRefused('invalid_request', 'The `cursor` is none that this route has given.')
  return { createdAt: Number(at), id: id! }
}
