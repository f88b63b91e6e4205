import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TokenHandle } from 'hotwell'
import { assertCovered } from '../http/access.ts'
import { problemReply } from '../http/problem.ts'
import { sendProblem } from '../http/request-errors.ts'
import type { ServerContext } from '../http/server-context.ts'
import { writeTokenReply } from '../http/token-reply.ts'
import { tokensPath, tokenTarget } from '../http/token-target.ts'
import { tokenGetSchema, tokenParameters } from './token-schemas.ts'

const routeName = `${tokensPath}{ref}`
const mostTargets = 10_000

interface Target {
  handle: TokenHandle
  canonical: string
  options?: { minTtlSeconds: number }
}

/**
 * The hot route. What is the same for each request to a URL is worked out once: the ref, its handle, its options (a handle
 * follows a changed configuration by itself). So a warm token costs a look-up by URL, the check of the key, and a reply
 * of which all but the seconds left is serialised already.
 */
export function tokenGet(app: FastifyInstance, { tokens, access, counters, log }: ServerContext): void {
  const targets = new Map<string, Target>()
  const served = counters.counter(routeName, 200)

  function targetOf(url: string, request: FastifyRequest): Target {
    const known = targets.get(url)
    const caller = access.allow(request.raw, 'read')
    if (known) {
      assertCovered(caller, known.canonical)
      return known
    }
    const { ref, minTtlSeconds } = tokenTarget(url, { minTtl: true })
    assertCovered(caller, ref.canonical)
    const handle = tokens.token(ref)
    const options = minTtlSeconds === undefined ? undefined : { minTtlSeconds }
    const target: Target = { handle, canonical: ref.canonical, options }
    if (targets.size >= mostTargets) targets.clear()
    targets.set(url, target)
    return target
  }

  function answer(request: FastifyRequest, reply: FastifyReply): void {
    const { handle, options } = targetOf(request.raw.url!, request)
    handle
      .getDetails(options)
      .then(details => {
        writeTokenReply(reply.raw, details, handle.inspect().state)
        served.count++
      })
      .catch((error: unknown) => void reply.send(error))
  }

  // The schema is for the documentation; the handler reads the URL itself.
  app.setValidatorCompiler(() => () => true)
  app.setErrorHandler((error, request, reply) => {
    counters.count(routeName, problemReply(error, '').problem.status)
    return sendProblem(error, request, reply, log)
  })
  for (const subject of [false, true]) {
    const schema = tokenGetSchema(subject)
    app.get(`${tokensPath}${tokenParameters(subject)}`, { schema }, answer)
  }
}
