import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import { problemCodes } from '../http/problem.ts'
import { version } from '../version.ts'

const problemReference = { $ref: '#/components/schemas/Problem' }

const problemSchema = {
  type: 'object',
  description: 'A problem document (RFC 9457). Tell problems apart by `code`.',
  required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'retryable'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What happened, and what to do. Never holds a secret or a token.' },
    instance: { type: 'string', description: 'The path that was asked for.' },
    code: { type: 'string', enum: problemCodes },
    retryable: { type: 'boolean', description: 'Whether the same request may succeed later; see `Retry-After`.' },
  },
  examples: [
    {
      type: 'urn:hotwell:error:unknown_provider',
      title: 'No provider has this name',
      status: 404,
      detail: 'There is no provider "feshu".',
      instance: '/api/v1/tokens/feshu/app',
      code: 'unknown_provider',
      retryable: false,
    },
  ],
}

/** Collects the OpenAPI document from the routes that are registered after it. */
export async function apiDocument(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Hotwell',
        version,
        description:
          'Access tokens, kept hot. Callers of this machine need no key while none exists; `hotwell keys create` makes one.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'This server' }],
      tags: [
        { name: 'tokens', description: 'A token is named by provider, kind and, for most kinds, a subject.' },
        { name: 'accounts', description: 'The accounts of sites behind a login, and which of them are barred.' },
        { name: 'syncs', description: 'What is copied from where to where, and the runs that do it.' },
        { name: 'history', description: 'What every acquisition did.' },
        { name: 'performance', description: 'How acquisitions do, and what can be done about it.' },
        { name: 'operation', description: 'Health, metrics and documentation.' },
      ],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An API key, `hw_…`' },
          header: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
    },
    // The hot route and the pages describe themselves in JSON Schema, all others in zod.
    transform: input => (isZodRoute(input.schema) ? jsonSchemaTransform(input as never) : input) as never,
    transformObject: input => addProblems(input as never) as never,
  })
}

function isZodRoute(schema: unknown): boolean {
  const { response, body, querystring, params } = (schema ?? {}) as Record<string, unknown>
  const parts = [body, querystring, params, ...Object.values((response as object | undefined) ?? {})]
  return parts.some(part => typeof part === 'object' && part !== null && '_zod' in part)
}

interface Operation {
  summary?: string
  responses?: Record<string, { description: string; content?: unknown }>
}

/** Every operation can answer with a problem, whatever its route declares. */
function addProblems({ openapiObject }: { openapiObject: Record<string, never> }): unknown {
  const document = openapiObject as unknown as {
    components?: { schemas?: Record<string, unknown> }
    paths?: Record<string, Record<string, Operation>>
  }
  const components = { ...document.components, schemas: { ...document.components?.schemas, Problem: problemSchema } }
  for (const path of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(path)) {
      const { summary = '', responses = {} } = operation
      // What has no schema (text, pages) is what the summary says.
      for (const reply of Object.values(responses)) {
        if (reply.description === 'Default Response') reply.description = summary
      }
      operation.responses = {
        ...responses,
        default: {
          description: 'A problem document that says what went wrong',
          content: { 'application/problem+json': { schema: problemReference } },
        },
      }
    }
  }
  return { ...document, components }
}
