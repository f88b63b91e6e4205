import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { assertCovered } from '../http/access.ts'
import type { ServerContext } from '../http/server-context.ts'
import { tokensPath, tokenTarget } from '../http/token-target.ts'
import { factsOf } from './token-facts.ts'
import { tokenActionSchema, tokenFacts, tokenParameters } from './token-schemas.ts'

/** `POST /api/v1/tokens/{ref}/-/refresh`: acquires a new token now. The reply has no value: that takes `read`. */
export function tokenRefresh(app: FastifyInstance, { tokens, access, log }: ServerContext): void {
  for (const subject of [false, true]) {
    app.withTypeProvider<ZodTypeProvider>().post(
      `${tokensPath}${tokenParameters(subject)}/-/refresh`,
      {
        schema: {
          ...tokenActionSchema(subject),
          operationId: subject ? 'refreshTokenOfSubject' : 'refreshToken',
          summary: 'Acquire a new token now',
          description:
            'Callers that ask while an acquisition runs share the next one. A provider that returns the same token ' +
            '(Lark, while 30 minutes remain) is no error. Needs the action `refresh`.',
          response: { 200: tokenFacts.describe('The new token, without its value.') },
        },
      },
      async request => {
        const caller = access.allow(request.raw, 'refresh')
        const { ref } = tokenTarget(request.raw.url!)
        assertCovered(caller, ref.canonical)
        const handle = tokens.token(ref)
        await handle.refresh()
        log.info({ ref: ref.canonical, caller: caller.name }, 'Token refreshed on request')
        return factsOf(handle.inspect())
      },
    )
  }
}
