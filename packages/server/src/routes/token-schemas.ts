import { z } from 'zod'

/** The path below `/api/v1/tokens/` that names a ref, with or without a subject. */
export function tokenParameters(subject: boolean): string {
  return subject ? ':provider/:kind/:subject' : ':provider/:kind'
}

/** Either way of showing an API key. */
export const keySecurity: Record<string, string[]>[] = [{ bearer: [] }, { header: [] }]

const provider = { type: 'string', examples: ['feishu'], description: 'The name of a provider in the configuration.' }
const kind = { type: 'string', examples: ['tenant'], description: 'Whose token: app, client, tenant, user, account, …' }
const subjectText = 'Which tenant, user or account: 1 to 256 bytes, percent-encoded as one segment (`/` is `%2F`).'
const subjectField = { type: 'string', examples: ['acme'], description: subjectText }

/** What a token looks like over HTTP, as JSON Schema; token-reply.ts writes it. */
const tokenReply = {
  type: 'object',
  description: 'The token, with what is known of it.',
  required: ['ref', 'token', 'tokenType', 'expiresAt', 'expiresInSeconds', 'generation', 'state', 'source'],
  properties: {
    ref: { type: 'string', description: 'The canonical ref.' },
    token: { type: 'string' },
    tokenType: { type: 'string' },
    expiresAt: { type: ['string', 'null'], description: 'RFC 3339; null if it never expires.' },
    expiresInSeconds: { type: ['integer', 'null'], description: 'Whole seconds left; null if it never expires.' },
    generation: { type: 'integer', description: 'Grows with each token of the ref.' },
    state: { type: 'string', description: 'fresh, or stale while it is being renewed behind the scenes.' },
    source: { type: 'string', description: 'Where this process had it from: provider or store.' },
  },
  examples: [
    {
      ref: 'feishu/tenant/acme',
      token: 't-g1044qeGEDXTB6NDJOGV4JQCYDGHRBARFTGT1234',
      tokenType: 'Bearer',
      expiresAt: '2026-01-31T12:00:00.000Z',
      expiresInSeconds: 5400,
      generation: 1769858400000,
      state: 'fresh',
      source: 'provider',
    },
  ],
}

export function tokenGetSchema(subject: boolean) {
  return {
    tags: ['tokens'],
    operationId: subject ? 'getTokenOfSubject' : 'getToken',
    summary: subject ? 'The token of a subject' : 'A token without subject',
    description:
      'Answered from memory while the token lives; renewed before it ends. Needs the action `read`. ' +
      'Of `scope`, `audience` and `resource` only those are taken that the provider declares.',
    security: keySecurity,
    params: {
      type: 'object',
      required: subject ? ['provider', 'kind', 'subject'] : ['provider', 'kind'],
      properties: subject
        ? { provider, kind, subject: subjectField }
        : { provider: { ...provider, examples: ['crm'] }, kind: { ...kind, examples: ['client'] } },
    },
    querystring: {
      type: 'object',
      properties: {
        minTtlSeconds: { type: 'number', minimum: 0, description: 'The least life the token should have left.' },
        scope: { type: 'string', description: 'Scopes, separated by spaces.' },
        audience: { type: 'string' },
        resource: { type: 'string' },
      },
    },
    response: { 200: tokenReply },
  }
}

const refQuery = z.object({
  scope: z.string().optional().describe('Scopes, separated by spaces.'),
  audience: z.string().optional(),
  resource: z.string().optional(),
})

/** Parameters of the routes that act on one token. The handler reads the ref from the URL itself. */
export function tokenActionSchema(subject: boolean) {
  const named = {
    provider: z.string().meta(provider as never),
    kind: z.string().meta(kind as never),
  }
  return {
    tags: ['tokens'],
    security: keySecurity,
    params: subject ? z.object({ ...named, subject: z.string().meta(subjectField as never) }) : z.object(named),
    querystring: refQuery.loose(),
  }
}

/** What is known of a token, without the token. */
export const tokenFacts = z
  .object({
    ref: z.string(),
    state: z.enum(['cold', 'fresh', 'stale', 'expired', 'failed', 'needs_reauth', 'uncertain']),
    acquiring: z.boolean().describe('Whether an acquisition runs.'),
    expiresAt: z.string().nullable().describe('RFC 3339; null if there is none, or it never expires.'),
    expiresInSeconds: z.int().nullable(),
    softExpiresAt: z.string().nullable().describe('When renewing begins.'),
    generation: z.int().nullable(),
    renewals: z.int(),
    failure: z
      .object({ code: z.string(), message: z.string(), retryAt: z.string().nullable() })
      .nullable()
      .describe('The last failure, if nothing succeeded since.'),
  })
  .meta({
    example: {
      ref: 'feishu/tenant/acme',
      state: 'fresh',
      acquiring: false,
      expiresAt: '2026-01-31T12:00:00.000Z',
      expiresInSeconds: 5400,
      softExpiresAt: '2026-01-31T11:46:00.000Z',
      generation: 1769858400000,
      renewals: 3,
      failure: null,
    },
  })
export type TokenFacts = z.infer<typeof tokenFacts>
