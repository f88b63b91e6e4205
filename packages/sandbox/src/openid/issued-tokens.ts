import type { ClientCredentials, Provider } from 'oidc-provider'
import { ExpiringMap } from '../expiring-map.ts'
import { type SigningKey, verifiedClaims } from './signing-key.ts'

export interface IssuedToken {
  clientId: string
  scope: string | undefined
  audience: string | string[] | undefined
  /** Milliseconds since 1970, on the sandbox's clock. */
  expiresAt: number
}

/**
 * Which tokens of a provider are live. The provider itself keeps opaque tokens only, and only on the wall clock; here
 * JWTs can be revoked as well, and lives end on the sandbox's clock.
 */
export class IssuedTokens {
  readonly #byId: ExpiringMap<IssuedToken>
  readonly #provider: Provider
  readonly #key: SigningKey
  readonly #now: () => number

  constructor(provider: Provider, key: SigningKey, now: () => number) {
    this.#provider = provider
    this.#key = key
    this.#now = now
    this.#byId = new ExpiringMap(now)
    // 'saved' tells of an opaque token, 'issued' of a JWT.
    provider.on('client_credentials.saved', token => this.#remember(token))
    provider.on('client_credentials.issued', token => this.#remember(token))
    provider.on('client_credentials.destroyed', token => void this.#byId.delete(token.jti))
  }

  #remember({ jti, clientId, scope, aud, expiration }: ClientCredentials): void {
    const expiresAt = this.#now() + expiration * 1000
    this.#byId.set(jti, { clientId: clientId!, scope, audience: aud, expiresAt }, expiresAt)
  }

  /** Undefined for a token that was not issued here, was altered, has ended or was revoked. */
  async find(value: string): Promise<IssuedToken | undefined> {
    const id = await this.#idOf(value)
    return id === undefined ? undefined : this.#byId.get(id)
  }

  /** @returns false when no such token is live */
  async revoke(value: string): Promise<boolean> {
    const id = await this.#idOf(value)
    if (id === undefined) return false
    // Told by the book, not by the provider: destroying the stored one takes it out of the book as well.
    const wasLive = this.#byId.delete(id)
    await (await this.#stored(value))?.destroy()
    return wasLive
  }

  async #idOf(value: string): Promise<string | undefined> {
    if (!value.includes('.')) return (await this.#stored(value))?.jti
    const id = verifiedClaims(value, this.#key)?.jti
    return typeof id === 'string' ? id : undefined
  }

  #stored(value: string): Promise<ClientCredentials | undefined> {
    return this.#provider.ClientCredentials.find(value, { ignoreExpiration: true })
  }
}
