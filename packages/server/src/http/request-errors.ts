import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'hotwell'
import { problemReply } from './problem.ts'
import { dataPolicy } from './secure-headers.ts'

/** Rooms without helmet answer errors as well: what no route took, and the hot route. */
const safe = {
  'cache-control': 'no-store',
  'content-security-policy': dataPolicy,
  'x-content-type-options': 'nosniff',
}

/** Answers an error with its problem document, and logs what the server is to blame for. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Logger): FastifyReply {
  const { problem, headers, unforeseen } = problemReply(error, request.raw.url ?? '/')
  const { status, code, instance } = problem
  if (unforeseen) log.error({ err: error, path: instance }, 'A request failed in a way that nobody foresaw')
  else if (status >= 500) log.warn({ code, status, path: instance }, problem.detail)
  else log.debug({ code, status, path: instance }, problem.detail)
  return reply
    .code(status)
    .headers({ ...headers, ...safe })
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify(problem))
}
