import type { HotwellError } from '../core/errors.ts'
import { type ProviderFailureOptions, providerFailure } from './failure.ts'
import { failureByStatus, quoted, type TokenEndpointReply } from './token-endpoint.ts'

/** How the errors of RFC 6749 section 5.2 and its extensions are sorted. */
const sorted: Readonly<Record<string, Omit<ProviderFailureOptions, 'message'> & { advice: string }>> = {
  invalid_client: { code: 'credentials_rejected', advice: 'Check clientId, clientSecret and authMethod.' },
  unauthorized_client: { code: 'credentials_rejected', advice: 'Allow the client this grant at the server.' },
  invalid_grant: { code: 'credentials_rejected', scope: 'ref', advice: 'The server refuses this grant.' },
  access_denied: { code: 'credentials_rejected', scope: 'ref', advice: 'Allow the client what it asks for.' },
  invalid_scope: { disposition: 'terminal', advice: 'Check the scope, and what the client may ask for.' },
  invalid_target: { disposition: 'terminal', advice: 'Check the resource and the audience.' },
  invalid_request: { disposition: 'terminal', advice: 'Check scope, audience, resource and authMethod.' },
  unsupported_grant_type: { disposition: 'terminal', advice: 'The server does not know client credentials.' },
  server_error: { advice: 'It may be well again later.' },
  temporarily_unavailable: { advice: 'It may be well again later.' },
}

/** Sorts an error reply of a token endpoint by its parsed `error` field, else by its status. */
export function oauthFailure(
  reply: TokenEndpointReply,
  { clientId, secrets }: { clientId: string; secrets: readonly string[] },
): HotwellError {
  const { from, status, json, retryAfterMs } = reply
  const { error, error_description } = (json ?? {}) as { error?: unknown; error_description?: unknown }
  const name = typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? error : undefined
  const description = quoted(error_description, secrets)
  const said = name ? ` (${name}${description && `, "${description}"`})` : ''
  const passing = status === 429 || status === 408 || status >= 500
  const rule = name !== undefined && Object.hasOwn(sorted, name) ? sorted[name] : undefined
  const details = { httpStatus: status, providerCode: name }
  if (rule && !passing) {
    const { advice, ...failure } = rule
    const message = `${from} refused the client ${clientId}${said}. ${advice}`
    return providerFailure({ ...failure, message, retryAfterMs, details })
  }
  if (status === 401) {
    const message = `${from} answered HTTP 401${said}: it does not accept the client ${clientId}. Check clientId, clientSecret and authMethod.`
    return providerFailure({ code: 'credentials_rejected', message, details })
  }
  if (status < 300 && name) {
    return providerFailure({ message: `${from} answered HTTP ${status} with an error${said}.`, retryAfterMs, details })
  }
  return failureByStatus(reply, said)
}
