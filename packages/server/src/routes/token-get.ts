import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSelector } from 'hotwell'
import { assertCovered } from '../http/access.ts'
import { type HotTokens, tokenRoute } from '../http/hot-tokens.ts'
import { problemReply } from '../http/problem.ts'
import { sendProblem } from '../http/request-errors.ts'
import type { ServerContext } from '../http/server-context.ts'
import { writeTokenReply } from '../http/token-reply.ts'
import { tokensPath, tokenTarget } from '../http/token-target.ts'
import { tokenGetSchema, tokenParameters } from './token-schemas.ts'

/**
 * `GET /api/v1/tokens/{ref}`: a token. The first request for a URL comes here, as do refusals and wishes for a longer
 * life; the URL of a token that was served takes the lane of {@link HotTokens} from then on.
 */
export function tokenGet(app: FastifyInstance, { tokens, access, counters, log }: ServerContext, hot: HotTokens): void {
  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const url = request.raw.url!
    const caller = access.allow(request.raw, 'read')
    const { ref, minTtlSeconds } = tokenTarget(url, { minTtl: true })
    assertCovered(caller, ref.canonical)
    const failed = hot.failureOf(request.raw)
    if (failed) throw failed.error
    // A handle follows a changed configuration by itself.
    const handle = tokens.token(ref)
    const details = await handle.getDetails(minTtlSeconds === undefined ? undefined : { minTtlSeconds })
    // A selector answers with another account's token another time.
    if (minTtlSeconds === undefined && !isSelector(ref)) hot.add(url, { handle, canonical: ref.canonical })
    reply.hijack()
    writeTokenReply(reply.raw, details, handle.state)
    counters.count(tokenRoute, 200)
  }

  // The schema is for the documentation; the handler reads the URL itself.
  app.setValidatorCompiler(() => () => true)
  app.setErrorHandler((error, request, reply) => {
    counters.count(tokenRoute, problemReply(error, '').problem.status)
    return sendProblem(error, request, reply, log)
  })
  for (const subject of [false, true]) {
    const schema = tokenGetSchema(subject)
    app.get(`${tokensPath}${tokenParameters(subject)}`, { schema }, answer)
  }
}
