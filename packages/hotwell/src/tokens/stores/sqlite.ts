import { sql } from 'kysely'
import { type Clock, createSystemClock } from '../../core/clock.ts'
import { HotwellError } from '../../core/errors.ts'
import { ensureKeyFile, readKeyFile } from '../../core/key-file.ts'
import type { Logger } from '../../core/logger.ts'
import { openSqlite } from '../../database/open-sqlite.ts'
import { type SqlTokenStore, sqlTokenStore } from './sql/sql-token-store.ts'
import type { TokenTables } from './sql/token-row.ts'

export interface SqliteTokenStoreOptions {
  /** The file; it and its folder are made if they are not there. Not on a network file system. */
  path: string
  /**
   * 32 random bytes in base64 each (`openssl rand -base64 32`). The first seals, all of them open. Default: the key
   * file beside the database, `tokens.key` for `tokens.db`, made with mode 0600 on the first start.
   */
  encryptionKeys?: string | readonly string[]
  /**
   * Dates claims, failures and intents, and times the looks of `watch`. A manager on a clock of its own needs that same
   * clock here. Default: the machine's.
   */
  clock?: Clock
  logger?: Logger
}

/** Keeps tokens in an SQLite file, sealed, for all processes of this machine. Never blocks the thread for a lock. */
export function sqlite(options: SqliteTokenStoreOptions): SqlTokenStore {
  const { path, encryptionKeys, clock = createSystemClock(), logger } = options
  if (!path || path === ':memory:')
    throw new HotwellError(
      'invalid_configuration',
      'The SQLite token store needs a file. To keep tokens in memory: memory()',
    )
  const keyFile = keyFileOf(path)
  let seenVersion: number | undefined
  return sqlTokenStore({
    scope: 'machine',
    clock,
    logger,
    connect: () => openSqlite<TokenTables>(path, { checkpointPages: 250 }),
    async keys({ by }) {
      if (encryptionKeys !== undefined) return typeof encryptionKeys === 'string' ? [encryptionKeys] : encryptionKeys
      // A new key would open nothing, and would lie where the lost one must be put back.
      const key = by.length > 0 ? await readKeyFile(keyFile) : await ensureKeyFile(keyFile)
      if (key !== undefined) return [key]
      throw new HotwellError(
        'store_unreadable',
        `${path} is sealed with the key ${by.join(' or ')}, but the key file ${keyFile} is not there. ` +
          'Nothing was changed. Put it back, or give the key.',
      )
    },
    async changed(database) {
      const { rows } = await database.query(kysely =>
        sql<{ data_version: number }>`pragma data_version`.execute(kysely),
      )
      const version = rows[0]?.data_version
      const changed = version !== seenVersion
      seenVersion = version
      return changed
    },
  })
}

/** Where the embedded key of a database lies: beside it. */
export function keyFileOf(path: string): string {
  return `${path.replace(/\.(db|sqlite3?)$/, '')}.key`
}
