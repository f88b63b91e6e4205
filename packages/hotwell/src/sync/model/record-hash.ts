import { hash } from 'node:crypto'
import type { AttributeValue } from './record.ts'

/** Part of every position: rows whose hash was made otherwise are written again. */
export const hashVersion = 1

/** The parts of an element that its hash is made of; all but the time of its modification. */
export interface HashedParts {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly ownerId: string | null
  /** Canonical JSON of its attributes. */
  readonly attributes: string
}

/**
 * 22 characters, 132 bits of SHA-256: two elements with the same hash are the same. Over the canonical JSON of an array
 * of the parts; the attributes come in as they are, already canonical.
 */
export function hashOf({ id, type, name, ownerId, attributes }: HashedParts): string {
  const rest = JSON.stringify([id, type, name, ownerId])
  return hash('sha256', rest + attributes, 'base64url').slice(0, 22)
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
