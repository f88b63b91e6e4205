import { hash } from 'node:crypto'
import { identityOf, type Provider } from './provider.ts'
import type { Ref } from './ref.ts'
import type { Fingerprint, TokenKey } from './token-store.ts'

/**
 * The key of a ref's records, claims and messages: a hash of namespace, identity and canonical ref, so that a changed
 * app id finds nothing of the former one, and two systems may share one store.
 */
export function tokenKey(namespace: string, provider: Provider, ref: Ref): TokenKey {
  const parts = JSON.stringify([namespace, identityOf(provider, ref), ref.canonical])
  return { id: hash('sha256', parts, 'hex'), ref: ref.canonical }
}

/** SHA-256 of a token or secret, in hex: tells two apart without showing either. */
export function fingerprint(secret: string): Fingerprint {
  return hash('sha256', secret, 'hex')
}
