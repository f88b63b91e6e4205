export type { Database, TransactionOptions } from './database.ts'
export type { Migration } from './migration.ts'
export { openSqlite, type SqliteOptions } from './open-sqlite.ts'
