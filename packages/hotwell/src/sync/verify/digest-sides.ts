import { rowOf } from '../engine/batch-builder.ts'
import type { RunContext } from '../engine/run-context.ts'
import { isAttributeChange, isRelation } from '../model/record.ts'
import { relationKey } from '../model/rows.ts'
import { BucketDigests } from './bucket-digests.ts'
import { readSource, readTarget } from './read-both.ts'

/** What a side holds, in constant size. */
export interface SideDigests {
  readonly elements: BucketDigests
  readonly relations: BucketDigests
}

const noDigests = (): SideDigests => ({ elements: new BucketDigests(), relations: new BucketDigests() })

export async function digestSource(context: RunContext): Promise<SideDigests & { unusable: number }> {
  // A reading that failed is begun anew, and so is what it was summed up to.
  return context.patience.with(async () => {
    const digests = { ...noDigests(), unusable: 0 }
    await readSource(context, {
      record(record) {
        if (isRelation(record)) digests.relations.add(relationKey(record), '')
        else if (isAttributeChange(record)) digests.elements.doubt(record.element)
        else digests.elements.add(record.id, rowOf(record).hash)
      },
      unusable: () => digests.unusable++,
    })
    return digests
  })
}

export async function digestTarget(context: RunContext): Promise<SideDigests> {
  const digests = noDigests()
  await readTarget(context, {
    element: (id, hash) => digests.elements.add(id, hash),
    relation: relation => digests.relations.add(relationKey(relation), ''),
  })
  return digests
}
