export type SqlValue = string | number | null | Uint8Array

/**
 * A connection to the target's database, as the ledger needs it. Values stand for `?` in the statement, in order; what
 * names them otherwise translates.
 */
export interface SqlConnection {
  readonly dialect: SqlDialect
  readonly all: <Row>(statement: string, values?: readonly SqlValue[]) => Promise<Row[]>
  /** Returns how many rows were changed. */
  readonly run: (statement: string, values?: readonly SqlValue[]) => Promise<number>
  /** Runs it with the next statement, which fails when it does; for those where each one is a way to a server and back. */
  readonly later?: (statement: string, values?: readonly SqlValue[]) => Promise<void>
}

/** Where the databases differ. */
export interface SqlDialect {
  /** The type of an id: ordered by its bytes. */
  readonly id: string
  readonly bytes: string
  /** A table whose rows are the items of a JSON array that is the next value, as `given.value`; each is an array. */
  readonly given: string
  /** Milliseconds since 1970 of a column that holds an instant. */
  readonly milliseconds: (column: string) => string
  /** The text of a column that holds JSON. */
  readonly json: (column: string) => string
  /** Locks the rows that a select finds, for the transaction. */
  readonly forUpdate: string
  /**
   * A select that locks what the transaction relies on, until its end, where others run beside it. `shared`: no element
   * is deleted meanwhile; `alone`: no relation is made either.
   */
  readonly graphLock?: (elements: string, how: 'shared' | 'alone') => string
}
