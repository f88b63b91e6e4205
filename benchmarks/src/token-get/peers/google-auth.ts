import { OAuth2Client } from 'google-auth-library'
import type { Variant } from '../../harness/variant.ts'

/** google-auth-library: a client per token, each with credentials that do not expire soon; its cheapest call. */
export async function googleAuthPeer(tokens: readonly string[]): Promise<Variant> {
  const expires = Date.now() + 7_200_000
  const targets = tokens.map(token => {
    const client = new OAuth2Client({ clientId: 'benchmark', clientSecret: 'benchmark' })
    client.setCredentials({ access_token: token, expiry_date: expires })
    return client
  })
  return { name: 'google-auth-library', targets, call: 'target.getAccessToken()', consume: '.token.length' }
}
