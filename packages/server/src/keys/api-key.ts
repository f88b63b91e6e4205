import { hash, randomBytes } from 'node:crypto'
import { type ApiKeyAction, prefixPattern, refPattern } from './key-scope.ts'

/** An API key as it is stored: its hash, and what it may do. */
export interface StoredKey {
  /** Unique; for people, for logs and for revoking it. */
  readonly name: string
  /** SHA-256 of the key, in hex. */
  readonly sha256: string
  /** Patterns over canonical refs; `*` stands for any run of characters. */
  readonly refs: readonly string[]
  readonly actions: readonly ApiKeyAction[]
  /** RFC 3339. */
  readonly createdAt?: string
}

/** A key with its scopes ready to be asked. */
export interface ApiKey {
  readonly name: string
  /** Whether it may do this at all, with some token or other. */
  may(action: ApiKeyAction): boolean
  /** Whether its patterns cover this canonical ref. */
  covers(canonicalRef: string): boolean
  /** Whether its patterns cover every ref that begins so: `court/` for a whole site, an empty text for everything. */
  coversAll(prefix: string): boolean
}

/** A new key: `hw_` and 32 random bytes in base64url. */
export function generateKey(): string {
  return `hw_${randomBytes(32).toString('base64url')}`
}

/**
 * Keys are random and long, so one round of SHA-256 protects a stolen file as well as a slow hash would, at a hundredth
 * of a microsecond's price on every request.
 */
export function hashKey(key: string): string {
  return hash('sha256', key, 'hex')
}

export function apiKey({ name, refs, actions }: StoredKey): ApiKey {
  const allowed = new Set<ApiKeyAction>(actions)
  const all = allowed.has('admin')
  return {
    name,
    may: action => all || allowed.has(action),
    covers: refPattern(refs),
    coversAll: prefixPattern(refs),
  }
}
