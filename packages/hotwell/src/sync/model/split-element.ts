import type { AttributeRow, ElementRow } from './rows.ts'

/** A change of attributes, without the element that it is for. */
export type Changes = AttributeRow['attributes']

/**
 * An element whose record and changes come in transactions of their own. Its row at the target has both: so a pass
 * collects here what the source says of it, and it is written, if it differs, when the pass has come to its end.
 */
export interface SplitElement {
  readonly id: string
  /** The full pass that met it last. */
  readonly pass: number
  /** The full pass that found it split. There is nothing yet that could be lost: in this one it is written at once. */
  readonly madeIn: number
  /** Its record in that pass, without what came apart; absent: it has not come. */
  readonly record?: ElementRow | undefined
  /** The changes of that pass behind its record, as one; absent: none have come. */
  readonly next?: Pick<AttributeRow, 'attributes' | 'modifiedAt'> | undefined
  /** The changes of the last full pass that came to its end, with those since. */
  readonly changes: Changes
}
