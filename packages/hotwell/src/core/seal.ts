import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { HotwellError } from './errors.ts'

/** What a sealed text belongs to. It cannot be opened as part of another record, or at another generation or end. */
export interface SealContext {
  /** Id of the record's key: the hash that binds namespace, identity and ref. */
  readonly id: string
  /** Which part of the record. */
  readonly part: string
  readonly generation: number
  /** Wall clock, ms; absent: it never expires. */
  readonly expiresAt?: number
}

/** Seals texts at rest (AES-256-GCM). The first key seals, all of them open. */
export interface Sealer {
  /** Of the key that seals. */
  readonly keyId: string
  /** Of all keys, in the order given. */
  readonly keyIds: readonly string[]
  seal(text: string, context: SealContext): string
  /** @throws HotwellError `store_unreadable` when no key fits, or it was changed, or belongs elsewhere. */
  open(sealed: string, context: SealContext): string
}

interface SealingKey {
  readonly id: string
  readonly secret: Uint8Array
}

const version = 'h1'
const algorithm = 'aes-256-gcm'
const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

/**
 * @param keys each 32 random bytes in base64, as `openssl rand -base64 32` prints them. To change the key, put the new
 * one in front, re-seal, and take the old one away.
 * @throws HotwellError `invalid_configuration`, which never shows a key.
 */
export function createSealer(keys: readonly string[]): Sealer {
  if (keys.length === 0) throw invalid('No encryption key is given.')
  const sealing = keys.map(parseKey)
  const [first] = sealing as [SealingKey, ...SealingKey[]]
  const keyIds = sealing.map(key => key.id)
  return {
    keyId: first.id,
    keyIds,
    seal(text, context) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv(algorithm, first.secret, nonce).setAAD(associated(first.id, context))
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `${version}.${first.id}.${sealed.toString('base64url')}`
    },
    open(sealed, context) {
      const [form, keyId = '', body = ''] = sealed.split('.')
      if (form !== version) throw unreadable('It is not in a form that this version of Hotwell knows.')
      const key = sealing.find(({ id }) => id === keyId)
      if (!key) throw unreadable(`It is sealed with the key ${keyId}; the keys given are ${keyIds.join(', ')}.`)
      const bytes = Buffer.from(body, 'base64url')
      try {
        const decipher = createDecipheriv(algorithm, key.secret, bytes.subarray(0, nonceBytes), {
          authTagLength: tagBytes,
        })
        decipher.setAAD(associated(key.id, context)).setAuthTag(bytes.subarray(-tagBytes))
        return decipher.update(bytes.subarray(nonceBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8')
      } catch (cause) {
        throw unreadable(
          `It was changed after it was sealed with the key ${keyId}, or belongs to another record.`,
          cause,
        )
      }
    },
  }
}

/** Which key a sealed text needs. */
export function keyIdOf(sealed: string): string {
  return sealed.split('.')[1] ?? ''
}

function associated(keyId: string, { id, part, generation, expiresAt }: SealContext): Buffer {
  return Buffer.from(JSON.stringify([version, keyId, id, part, generation, expiresAt ?? null]))
}

/** Key id and cipher key are derived apart (RFC 5869), so the id, which is stored, tells nothing about the key. */
function parseKey(text: string, index: number): SealingKey {
  const name = `Encryption key ${index + 1}`
  if (typeof text !== 'string' || text.trim() === '') throw invalid(`${name} is empty.`)
  const bytes = Buffer.from(text.trim(), 'base64')
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text.trim())) throw invalid(`${name} is not base64.`)
  if (bytes.length !== keyBytes) throw invalid(`${name} has ${bytes.length} bytes instead of ${keyBytes}.`)
  const derive = (purpose: string, length: number) =>
    new Uint8Array(hkdfSync('sha256', bytes, '', `hotwell ${version} ${purpose}`, length))
  return { id: Buffer.from(derive('key id', 8)).toString('hex'), secret: derive('cipher', keyBytes) }
}

function invalid(what: string): HotwellError {
  return new HotwellError('invalid_configuration', `${what} Make one with: openssl rand -base64 32`)
}

function unreadable(why: string, cause?: unknown): HotwellError {
  return new HotwellError('store_unreadable', why, { cause })
}
