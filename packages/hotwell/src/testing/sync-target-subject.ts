import type { Element, Relation } from '../sync/model/record.ts'
import type { ElementRow } from '../sync/model/rows.ts'
import type { Target } from '../sync/target.ts'

/** One target with a place that holds nothing yet, made anew for each test of the contract. */
export interface TargetSubject {
  target: Target
  /** Another target object on the same place: as in another process. @default the same object */
  reopen?(): Target
  /**
   * All that whoever looks there now finds, whosesoever it is, in any order; read past the target. Relations that wait
   * for an end are not among it.
   */
  read(): Promise<readonly (Element | Relation)[]>
  /** From now on counts how often elements are written, changed or not. Leave out where that cannot be told. */
  watch?(): Promise<() => Promise<number>>
  close?(): Promise<void> | void
}

/** What a kind of target does. Clauses that need what it does not are not registered. */
export interface TargetAbilities {
  /**
   * Knows what lies there: it counts and leaves what is unchanged, refuses changes of what is not there, lets relations
   * wait for their ends, lists and deletes what is its own. Without that, it writes down all that it is given. @default true
   */
  compares?: boolean
  /**
   * Keeps positions and all that goes with them from connection to connection, and fences off who claimed before.
   * @default true
   */
  remembers?: boolean
  /** Several syncs have room in one place. @default true */
  shares?: boolean
  /** Whoever looks sees what was committed at once; otherwise when it has settled. @default true */
  showsAtOnce?: boolean
  /** Makes of a row one that the target has to refuse for what it is. Leave out for a target that takes everything. */
  spoil?: (row: ElementRow) => ElementRow
}
