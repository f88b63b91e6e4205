import type { RelationRow } from '../model/rows.ts'
import type { Sides } from './collect-sides.ts'

export interface Difference {
  readonly kind: 'element' | 'relation'
  /** The id, or `from type to`. */
  readonly key: string
  /** `missing`: only the source has it. `extra`: only the target has it. `different`: both, but not the same. */
  readonly what: 'missing' | 'extra' | 'different'
}

/** What the source has as nobody can take it is no difference. */
export function differencesOf(sides: Sides): Difference[] {
  const { targetElements, targetRelations, elements, relations, sameElements, sameRelations } = sides
  const found: Difference[] = []
  for (const [id, { hash }] of elements) {
    const there = targetElements.get(id)
    if (there === undefined) found.push({ kind: 'element', key: id, what: 'missing' })
    else if (there !== hash) found.push({ kind: 'element', key: id, what: 'different' })
  }
  for (const id of targetElements.keys())
    if (!elements.has(id) && !sameElements.has(id) && !sides.keptElements.has(id))
      found.push({ kind: 'element', key: id, what: 'extra' })
  for (const relation of relations.values()) found.push({ kind: 'relation', key: nameOf(relation), what: 'missing' })
  for (const [key, relation] of targetRelations)
    if (!sameRelations.has(key) && !sides.keptRelations.has(key))
      found.push({ kind: 'relation', key: nameOf(relation), what: 'extra' })
  return found
}

/** As a difference names it. */
export function nameOf({ from, type, to }: RelationRow): string {
  return `${from} ${type} ${to}`
}
