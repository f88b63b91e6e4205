import type { AttributeRow, ElementRow } from '../model/rows.ts'
import type { SplitElement } from '../model/split-element.ts'
import { mergedRow } from './batch-builder.ts'

/** What is known of a split element now, and its row, if that is to be written at once. */
export interface Met {
  readonly split: SplitElement
  readonly row: ElementRow | undefined
}

/** Its record comes; in less than a full pass it keeps the changes that came apart from it. */
export function meetRecord(split: SplitElement, record: ElementRow, fullPass: number | undefined): Met {
  const { changes: own, ...plain } = record
  if (fullPass === undefined) {
    const changes = { ...split.changes, ...split.next?.attributes, ...own }
    // It is alive: nothing that was staged before is true of it any more.
    return { split: { ...split, madeIn: 0, record: plain, changes }, row: mergedRow(plain, changes, plain.modifiedAt) }
  }
  // What came before a record is of no effect, but the element stays one whose changes come apart.
  const hasChanges = own !== undefined || (split.pass === fullPass && split.next !== undefined)
  const next = hasChanges ? { attributes: own ?? {}, modifiedAt: null } : undefined
  return metInPass({ ...split, pass: fullPass, record: plain, next })
}

/** A change comes apart from its element, whose row at the target is `kept`. Returns undefined for one that is not split. */
export function meetChange(
  split: SplitElement | undefined,
  kept: Omit<ElementRow, 'bytes'>,
  { id, attributes, modifiedAt }: AttributeRow,
  fullPass: number | undefined,
): Partial<Met> {
  if (fullPass === undefined) {
    const row = mergedRow(kept, attributes, modifiedAt)
    if (!split) return { row }
    const next = split.next && { ...split.next, attributes: { ...split.next.attributes, ...attributes } }
    return { split: { ...split, next, changes: { ...split.changes, ...attributes } }, row }
  }
  const isMet = split?.pass === fullPass
  const former = isMet ? split.next : undefined
  const next = {
    attributes: { ...former?.attributes, ...attributes },
    modifiedAt: modifiedAt ?? former?.modifiedAt ?? null,
  }
  if (!split)
    return metInPass({ id, pass: fullPass, madeIn: fullPass, record: mergedRow(kept, {}, null), next, changes: {} })
  return metInPass({ ...split, pass: fullPass, record: isMet ? split.record : undefined, next })
}

/** As its pass has it. `kept`: its row at the target, which is all there is when its record has not come. */
export function assembled({ record, next }: SplitElement, kept: Omit<ElementRow, 'bytes'> | undefined): ElementRow {
  if (record && !next) return record
  return mergedRow((record ?? kept)!, next?.attributes ?? {}, next?.modifiedAt ?? null)
}

function metInPass(split: SplitElement): Met {
  return { split, row: split.madeIn === split.pass ? assembled(split, undefined) : undefined }
}
