import type { Batch, ElementRow, RelationRow } from '../model/rows.ts'

/** A line each, in the order in which whoever reads them has to take them. */
export function* linesOf(batch: Batch): Generator<string> {
  for (const row of batch.elements) yield elementLine(row)
  for (const { id, attributes, modifiedAt } of batch.attributes)
    yield `${JSON.stringify({ element: id, attributes, ...(modifiedAt !== null && { modifiedAt }) })}\n`
  for (const relation of batch.deletedRelations) yield relationLine(relation, true)
  // An earlier line may have told of it.
  for (const id of batch.deletedElements) yield `${JSON.stringify({ id, deleted: true })}\n`
  for (const relation of batch.relations) yield relationLine(relation, false)
}

/** Its attributes are JSON already. */
function elementLine({ id, type, name, ownerId, attributes, modifiedAt }: ElementRow): string {
  const owner = ownerId === null ? '' : `,"ownerId":${JSON.stringify(ownerId)}`
  const modified = modifiedAt === null ? '' : `,"modifiedAt":${modifiedAt}`
  const own = `"id":${JSON.stringify(id)},"type":${JSON.stringify(type)},"name":${JSON.stringify(name)}`
  return `{${own}${owner},"attributes":${attributes}${modified}}\n`
}

function relationLine({ from, type, to }: RelationRow, deleted: boolean): string {
  return `${JSON.stringify({ from, type, to, ...(deleted && { deleted }) })}\n`
}
