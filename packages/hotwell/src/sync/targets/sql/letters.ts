import type { DeadLetter, ElementRow, RelationRow } from '../../model/rows.ts'

const shownCharacters = 4000

export function elementLetter(row: ElementRow, reason: string): DeadLetter {
  const { id, type, name, ownerId, attributes } = row
  const record = JSON.stringify({ id, type, name, ownerId }).slice(0, -1)
  return { kind: 'element', key: id, reason, record: `${record},"attributes":${attributes}}`.slice(0, shownCharacters) }
}

export function relationLetter({ from, type, to }: RelationRow, reason: string): DeadLetter {
  return { kind: 'relation', key: `${from} ${type} ${to}`, reason }
}
