import type { DeadLetter, ElementRow } from '../../model/rows.ts'

/** Writes elements, in whatever way is the fastest in this database. */
export interface ElementWriter {
  /**
   * Inserts what is new and updates what differs; rows of other syncs are left alone and refused, as is what the
   * database cannot take. Everything else is written.
   */
  write(rows: readonly ElementRow[]): Promise<Written>
  /**
   * Does something that can fail for the data's sake; then it has left nothing behind, and the error has a reason. Absent
   * where relations cannot.
   */
  tried?<T>(work: () => Promise<T>): Promise<T>
  /** Why a record is at fault; undefined for errors that are not a record's. */
  readonly reasonOf?: (error: unknown) => string | undefined
}

export interface Written {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly refused: readonly DeadLetter[]
}
