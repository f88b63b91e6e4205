import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import type { JWK } from 'oidc-provider'

export const SIGNING_ALGORITHM = 'ES256'

export interface SigningKey {
  /** With its private part: for the provider alone. */
  jwk: JWK
  publicKey: KeyObject
}

/** A key of this run; nothing signed by an earlier one is good. */
export function generateSigningKey(): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: SIGNING_ALGORITHM } as JWK
  return { jwk, publicKey }
}

/** The claims of a JWT that this key has signed (RFC 7515); undefined for anything else. */
export function verifiedClaims(jwt: string, { publicKey }: SigningKey): Record<string, unknown> | undefined {
  const [header, payload, signature, ...more] = jwt.split('.')
  if (!header || !payload || !signature || more.length > 0) return undefined
  try {
    const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString())
    const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
    const signed = Buffer.from(`${header}.${payload}`)
    if (alg !== SIGNING_ALGORITHM || !verify('sha256', signed, key, Buffer.from(signature, 'base64url')))
      return undefined
    return JSON.parse(Buffer.from(payload, 'base64url').toString())
  } catch {
    return undefined
  }
}
