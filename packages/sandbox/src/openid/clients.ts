export interface OpenIdClientOptions {
  clientId: string
  /** Shown as `client_secret_basic` or `client_secret_post`; both are accepted. */
  clientSecret: string
  /** What the client may ask for; anything else is `invalid_scope`. @default [] */
  scopes?: readonly string[]
  /** Seconds that its tokens live, a whole number. @default the provider's `accessTokenLifeSeconds` */
  accessTokenLifeSeconds?: number
}

/** RFC 6749 section 3.3. */
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+$/

/** The provider would find these out at the first request of the client, and then tell nobody but the client. */
export function checkClients(clients: readonly OpenIdClientOptions[]): void {
  const seen = new Set<string>()
  for (const { clientId, clientSecret, scopes = [] } of clients) {
    if (!clientId || !clientSecret) throw new TypeError('A client needs a clientId and a clientSecret')
    if (seen.has(clientId)) throw new TypeError(`Client ${clientId} is listed twice`)
    seen.add(clientId)
    const strange = scopes.find(scope => !SCOPE.test(scope))
    if (strange !== undefined)
      throw new TypeError(`Client ${clientId}: '${strange}' is not one scope (no spaces, no quotes)`)
  }
}
