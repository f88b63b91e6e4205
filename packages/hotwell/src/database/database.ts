import type { Kysely, Transaction } from 'kysely'
import type { Migration } from './migration.ts'

/**
 * A database that one or several rooms keep tables in. Queries are Kysely's, in the SQL that all dialects share; rows
 * are plain objects, integers are numbers where they fit.
 *
 * What fails is thrown as HotwellError `store_unavailable` (locked too long, disk full or failing, read-only: try again
 * later, without a restart) or `store_unreadable` (damaged, no database at all, written by a newer version).
 */
export interface Database<Schema = unknown> {
  readonly dialect: 'sqlite'
  /** Where it is, for messages; never with a password. */
  readonly location: string
  /** Runs a query. While others lock the database it is tried again, so `run` holds one statement. */
  query<T>(run: (database: Kysely<Schema>) => Promise<T>): Promise<T>
  /**
   * Runs `work` in a transaction that takes the write lock at once, so that it sees the latest state and never fails
   * half-way for a lock. It may be run again, so it has no effects besides its statements, and it waits for nothing
   * but them: on SQLite one transaction of a process waits for the other.
   */
  transaction<T>(work: (transaction: Transaction<Schema>) => Promise<T>, options?: TransactionOptions): Promise<T>
  /**
   * Runs one statement for each row, its values in the order of the statement's parameters, in a transaction of their
   * own: what bulk writing needs, because a query built for each row costs more than the row. As a whole or not at all.
   */
  write(statement: string, rows: readonly (readonly (string | number | null)[])[]): Promise<void>
  /** Applies what is missing, in order. Several processes may do it at once. */
  migrate(migrations: readonly Migration[]): Promise<void>
  /** The same database, seen with the tables of another room. */
  as<Other>(): Database<Other>
  /** Idempotent. */
  close(): Promise<void>
}

export interface TransactionOptions {
  /** True: on the disk before it resolves, whatever the default of the database is. Default false. */
  durable?: boolean
}
