import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { assertCovered } from '../http/access.ts'
import type { ServerContext } from '../http/server-context.ts'
import { tokensPath, tokenTarget } from '../http/token-target.ts'
import { tokenActionSchema, tokenParameters } from './token-schemas.ts'

const body = z
  .strictObject({
    token: z
      .string()
      .min(1)
      .max(131_072)
      .optional()
      .describe('The token that was rejected: dropped only if it is still the current one. Without it, whatever is.'),
  })
  .nullish()
  .meta({ example: { token: 't-g1044qeGEDXTB6NDJOGV4JQCYDGHRBARFTGT1234' } })

const answer = z
  .object({ ref: z.string(), invalidated: z.boolean().describe('False: it was not the current one any more.') })
  .meta({ example: { ref: 'feishu/tenant/acme', invalidated: true } })

/** `POST /api/v1/tokens/{ref}/-/invalidate`: drops a token that an API rejected, for everybody who shares the store. */
export function tokenInvalidate(app: FastifyInstance, { tokens, access, log }: ServerContext): void {
  for (const subject of [false, true]) {
    app.withTypeProvider<ZodTypeProvider>().post(
      `${tokensPath}${tokenParameters(subject)}/-/invalidate`,
      {
        schema: {
          ...tokenActionSchema(subject),
          operationId: subject ? 'invalidateTokenOfSubject' : 'invalidateToken',
          summary: 'Drop a token that was rejected',
          description: 'At most one drop in 5 s for each token. Needs the action `invalidate`.',
          body,
          response: { 200: answer.describe('Whether the token was dropped.') },
        },
      },
      async request => {
        const caller = access.allow(request.raw, 'invalidate')
        const { ref } = tokenTarget(request.raw.url!)
        assertCovered(caller, ref.canonical)
        const invalidated = await tokens.token(ref).invalidate(request.body?.token)
        log.info({ ref: ref.canonical, caller: caller.name, invalidated }, 'Token invalidated on request')
        return { ref: ref.canonical, invalidated }
      },
    )
  }
}
