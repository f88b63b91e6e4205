import type { FastifyInstance } from 'fastify'
import type { ServerContext } from '../http/server-context.ts'

/** `GET /openapi.json`: every route of this server, in OpenAPI 3.1. */
export function openapiGet(app: FastifyInstance, _context: ServerContext): void {
  let document: string | undefined
  app.get(
    '/openapi.json',
    { schema: { tags: ['operation'], operationId: 'getOpenApi', summary: 'This document' } },
    async (_request, reply) => {
      document ??= JSON.stringify(app.swagger())
      return reply
        .header('content-type', 'application/json; charset=utf-8')
        .header('cache-control', 'no-cache')
        .send(document)
    },
  )
}
