import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ServerContext } from '../http/server-context.ts'
import { wholeNumber } from './query-schemas.ts'
import { allowSync } from './sync-access.ts'
import { oneSyncSchema, syncsPath } from './sync-schemas.ts'

const answer = z
  .object({
    deadLetters: z.array(
      z.object({
        kind: z
          .string()
          .describe(
            'element, attributes, relation, unreadable for what is no record at all, or cycle for owners that go round in a circle.',
          ),
        key: z.string().describe('The id, `from type to`, or a place such as `line 17`.'),
        reason: z.string(),
        record: z.string().nullable().describe('The record, or its beginning.'),
      }),
    ),
    hasMore: z.boolean(),
  })
  .meta({
    example: {
      deadLetters: [{ kind: 'unreadable', key: 'line 17', reason: 'It is no JSON: …', record: '{"id": "pump-1' }],
      hasMore: false,
    },
  })

export type DeadLettersReply = z.output<typeof answer>

/** `GET /api/v1/syncs/{name}/dead-letters`: the records that the target could not take. */
export function syncDeadLetters(app: FastifyInstance, { syncs, access }: ServerContext): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    `${syncsPath}/:name/dead-letters`,
    {
      schema: {
        ...oneSyncSchema,
        operationId: 'listDeadLetters',
        summary: 'Records that could not be taken, each with the reason',
        description:
          'Read from the target, where they lie beside the data until a reading takes them. They hold data of the source. ' +
          'Needs the action `admin`.',
        querystring: z.strictObject({
          limit: wholeNumber(1, 1000).optional().describe('So many, 1 to 1000; 100 without it.'),
        }),
        response: { 200: answer.describe('In the order of kind and key.') },
      },
    },
    async request => {
      const { name } = request.params
      allowSync(access, request.raw, 'admin', name)
      const { letters, hasMore } = await syncs.deadLetters(name, request.query.limit ?? 100)
      return { deadLetters: letters.map(letter => ({ ...letter, record: letter.record ?? null })), hasMore }
    },
  )
}
