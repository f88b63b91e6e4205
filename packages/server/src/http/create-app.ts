import { createServer } from 'node:http'
import rateLimit from '@fastify/rate-limit'
import fastify, { type FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { apiDocument } from '../openapi/api-document.ts'
import { docsPage } from '../routes/docs-page.ts'
import { routeTable } from '../routes/route-table.ts'
import { tokenGet } from '../routes/token-get.ts'
import { AllowedMethods } from './allowed-methods.ts'
import { HotTokens } from './hot-tokens.ts'
import { RequestRefused } from './problem.ts'
import { sendProblem } from './request-errors.ts'
import { secureHeaders } from './secure-headers.ts'
import type { ServerContext } from './server-context.ts'
import { tokensPath, tokenTarget } from './token-target.ts'
import { refuseUnreadable } from './unreadable-request.ts'

/** A token may have 128 kB, and JSON may escape it. */
const bodyLimit = 512 * 1024
/** For a whole request to arrive, and for the next one on the same connection, in ms. */
const requestTimeout = 60_000
const keepAliveTimeout = 72_000
/** Requests a minute from one address, on every route but the one that serves tokens and the probes. */
const requestsPerMinute = 1200

/**
 * The HTTP side: three rooms, because one route is asked a thousand times as often as all others. The hot one passes
 * no validator, no rate limit and no helmet, and tokens that were served before not even the framework.
 */
export async function createApp(context: ServerContext): Promise<FastifyInstance> {
  const hot = new HotTokens(context)
  const app = fastify({
    logger: false,
    bodyLimit,
    serverFactory: handler => {
      const server = createServer({ requestTimeout, keepAliveTimeout }, (request, response) => {
        // While closing, the framework asks each caller to leave its connection.
        if (server.listening) hot.serve(request, response, () => handler(request, response))
        else handler(request, response)
      })
      return server
    },
    routerOptions: { maxParamLength: 4096 },
    clientErrorHandler: refuseUnreadable,
    // While closing, what is warm is still served; what is not gets a problem document like everything else.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      const cause = invalidRef(request.raw.url ?? '/') ?? error
      void sendProblem(cause, request as never, reply as never, context.log)
    },
  })
  const allowed = new AllowedMethods()
  allowed.watch(app)
  app.addHook('onRequest', (request, _reply, done) => {
    context.access.admit(request.raw)
    done()
  })
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, context.log))
  app.setNotFoundHandler(request => {
    throw nothingHere(request.raw.url ?? '/', request.method, allowed)
  })
  await apiDocument(app)

  app.register(async room => tokenGet(room, context, hot))
  app.register(async docs => {
    await secureHeaders(docs)
    await docsPage(docs)
  })
  app.register(async rest => {
    rest.setValidatorCompiler(validatorCompiler)
    rest.setSerializerCompiler(serializerCompiler)
    acceptEmptyBodies(rest)
    await secureHeaders(rest)
    await rest.register(rateLimit, {
      max: requestsPerMinute,
      timeWindow: 60_000,
      allowList: request => request.url === '/healthz' || request.url === '/readyz',
      errorResponseBuilder: (_request, { ttl }) => {
        const detail = `More than ${requestsPerMinute} requests a minute came from this address.`
        return Object.assign(new RequestRefused('too_many_requests', detail, { retryAfterMs: ttl }), {
          statusCode: 429,
        })
      },
    })
    rest.addHook('onSend', async (_request, reply) => {
      if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
    })
    rest.addHook('onResponse', (request, reply, done) => {
      context.counters.count(request.routeOptions.url ?? 'none', reply.statusCode)
      done()
    })
    for (const route of routeTable) route(rest, context)
  })
  return app
}

function nothingHere(url: string, method: string, allowed: AllowedMethods): unknown {
  const path = url.split('?', 1)[0]!
  const methods = allowed.of(path)
  if (methods.length > 0 && !methods.includes(method)) {
    const allow = methods.join(', ')
    return new RequestRefused('method_not_allowed', `Here ${allow} can be used, not ${method}.`, { headers: { allow } })
  }
  const detail = 'There is no such route; /openapi.json lists all of them, /docs shows them.'
  return invalidRef(path) ?? new RequestRefused('not_found', detail)
}

/** What is wrong with the ref in a URL that no route took. */
function invalidRef(url: string): unknown {
  if (!url.startsWith(tokensPath)) return undefined
  try {
    tokenTarget(url)
    return undefined
  } catch (error) {
    return error
  }
}

/**
 * Most routes need no body: a client that names a type and sends nothing means the same, as `curl -d ''` does. Of other
 * types than JSON only that is taken, because a web page can send them without asking first.
 */
function acceptEmptyBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined)
    try {
      done(null, JSON.parse(body as string))
    } catch {
      done(new RequestRefused('invalid_request', 'The body is not JSON.'), undefined)
    }
  })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    if (body.length === 0) return done(null, undefined)
    done(
      new RequestRefused('unsupported_media_type', 'A body has to be JSON: Content-Type: application/json.'),
      undefined,
    )
  })
}
