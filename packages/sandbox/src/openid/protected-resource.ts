import type { RawReply } from '../raw-reply.ts'
import type { IssuedTokens } from './issued-tokens.ts'

export const RESOURCE_PATH = '/api/resource'

/**
 * An API that accepts this provider's live tokens and no others, answering as RFC 6750 section 3 asks:
 * 200 with what the token stands for, 401 with `WWW-Authenticate` for everything else.
 */
export async function protectedResource(
  tokens: IssuedTokens,
  { method, authorization }: { method: string | undefined; authorization: string | undefined },
): Promise<RawReply> {
  if (method !== 'GET') return { status: 405, headers: { allow: 'GET' } }
  const [, value] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? []
  if (!value) return { status: 401, headers: { 'www-authenticate': 'Bearer realm="sandbox"' } }
  const token = await tokens.find(value)
  if (!token) {
    const headers = { 'www-authenticate': 'Bearer realm="sandbox", error="invalid_token"' }
    return {
      status: 401,
      headers,
      body: { error: 'invalid_token', error_description: 'not a live token of this provider' },
    }
  }
  const { clientId, scope, audience, expiresAt } = token
  return { body: { client_id: clientId, scope, aud: audience, exp: Math.floor(expiresAt / 1000) } }
}
