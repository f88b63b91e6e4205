import { hash } from 'node:crypto'
import type { AttributeValue } from './record.ts'

/** Part of every position: rows whose hash was made otherwise are written again. */
export const hashVersion = 3

/** An element's parts, which its hash is made of. */
export interface HashedParts {
  readonly id: string
  readonly type: string
  readonly name: string
  /** Never empty. */
  readonly ownerId: string | null
  /** Canonical JSON of its attributes. */
  readonly attributes: string
  readonly modifiedAt: number | null
}

/**
 * 22 characters, 132 bits of SHA-256: two elements with the same hash are the same. Over the parts with a NUL after each
 * of them, which no part contains; the attributes come last, already canonical.
 */
export function hashOf({ id, type, name, ownerId, attributes, modifiedAt }: HashedParts): string {
  const text = `${id}\0${type}\0${name}\0${ownerId ?? ''}\0${instantText(modifiedAt)}\0${attributes}`
  return hash('sha256', text, 'base64url').slice(0, 22)
}

/** Two small numbers become texts several times as fast as a large one. */
function instantText(at: number | null): string {
  if (at === null) return ''
  const high = Math.floor(at / 1_000_000)
  return `${high} ${at - high * 1_000_000}`
}

/** Merges a change into attributes; `null` removes a name. */
export function mergeAttributes(
  attributes: Readonly<Record<string, AttributeValue>>,
  change: Readonly<Record<string, AttributeValue | null>>,
): Record<string, AttributeValue> {
  const merged = new Map(Object.entries(attributes))
  for (const [name, value] of Object.entries(change)) {
    if (value === null) merged.delete(name)
    else merged.set(name, value)
  }
  return Object.fromEntries(merged)
}
