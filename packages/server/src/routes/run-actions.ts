import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { ServerContext } from '../http/server-context.ts'
import { runReply } from './run-facts.ts'
import { oneRunSchema, runFacts, runsPath } from './run-schemas.ts'
import { allowRun } from './sync-access.ts'

const actions = [
  {
    action: 'pause',
    summary: 'Stop reading until it is resumed',
    description: 'What was read is written. It stays paused also when the server starts anew.',
  },
  {
    action: 'resume',
    summary: 'Go on with a run that is paused or was interrupted',
    description: 'It goes on where it was; nothing is written twice.',
  },
  {
    action: 'cancel',
    summary: 'End a run before its end',
    description: 'What is written stays, and the next run goes on from there. Answers when it has ended.',
  },
  {
    action: 'retry',
    summary: 'Try a run again that has failed or was cancelled',
    description: 'A run of its own with the same options, which goes on where the other one ended.',
  },
] as const

/** `POST /api/v1/runs/{id}/pause`, `/resume`, `/cancel`, `/retry`. */
export function runActions(app: FastifyInstance, { syncs, access, log }: ServerContext): void {
  for (const { action, summary, description } of actions) {
    app.withTypeProvider<ZodTypeProvider>().post(
      `${runsPath}/:id/${action}`,
      {
        schema: {
          ...oneRunSchema,
          operationId: `${action}Run`,
          summary,
          description: `${description} A run whose state does not allow it is a \`conflict\`. Needs the action \`admin\`.`,
          response: { 200: runFacts.describe(action === 'retry' ? 'The new run.' : 'The run as it is now.') },
        },
      },
      async request => {
        const { id } = request.params
        const { caller } = await allowRun(access, request.raw, 'admin', () => syncs.run(id))
        const record = await syncs[action](id)
        log.info({ sync: record.sync, run: record.id, action, caller: caller.name }, 'Run changed on request')
        return runReply(record)
      },
    )
  }
}
