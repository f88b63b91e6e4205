import { dirname, join } from 'node:path'
import { type Kysely, sql, type Transaction } from 'kysely'
import { HotwellError, isHotwellError } from '../core/errors.ts'
import { ensureKeyFile, readKeyFile } from '../core/key-file.ts'
import type { Logger } from '../core/logger.ts'
import type { Sealer } from '../core/seal.ts'
import type { Database, TransactionOptions } from '../database/database.ts'
import { accountsPool } from '../database/migrations/001-accounts-pool.ts'
import { openSqlite } from '../database/open-sqlite.ts'
import type { AccountTables } from './account-row.ts'
import { isSealedBy, openSealer } from './sealed-password.ts'

export interface AccountDatabaseOptions {
  /** The file, by custom `accounts.db`; it and its folder are made if they are not there. */
  path: string
  /**
   * 32 random bytes in base64 each (`openssl rand -base64 32`). The first seals, all of them open. Default: the key file
   * `tokens.key` in the same folder, made with mode 0600 on the first start, which a token store there uses too.
   */
  encryptionKeys?: string | readonly string[]
}

interface Opened {
  readonly database: Database<AccountTables>
  readonly sealer: Sealer
}

/** Of a connection whose data version was seen. */
const seenMark = 1
const keyFileName = 'tokens.key'
const migrations = [accountsPool]

/** The file of the accounts and the key of its passwords, opened by the first operation; notes what goes wrong. */
export class AccountDatabase {
  readonly #path: string
  readonly #keys: readonly string[] | undefined
  readonly #logger: Logger
  #opening: Promise<Opened> | undefined
  #failure: string | undefined
  #seenVersion: number | undefined
  #closing: Promise<void> | undefined

  constructor({ path, encryptionKeys }: AccountDatabaseOptions, logger: Logger) {
    if (!path || path === ':memory:')
      throw new HotwellError(
        'invalid_configuration',
        'Accounts need the path of their database file: a lock-out budget has to outlive the process.',
      )
    this.#path = path
    this.#keys = typeof encryptionKeys === 'string' ? [encryptionKeys] : encryptionKeys
    this.#logger = logger
  }

  query<T>(run: (kysely: Kysely<AccountTables>) => Promise<T>): Promise<T> {
    return this.#run(({ database }) => database.query(run))
  }

  transaction<T>(
    work: (transaction: Transaction<AccountTables>) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    return this.#run(({ database }) => database.transaction(work, options))
  }

  /** A durable transaction that seals something: only under a key that the next start can check. */
  async sealing<T>(work: (transaction: Transaction<AccountTables>, sealer: Sealer) => Promise<T>): Promise<T> {
    const attempt = () =>
      this.#run(({ database, sealer }) =>
        database.transaction(
          async transaction => {
            if (!(await isSealedBy(transaction, sealer))) throw new SealMissing()
            return work(transaction, sealer)
          },
          { durable: true },
        ),
      )
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof SealMissing)) throw error
      const { database } = await this.#open()
      this.#opening = openSealer(database, sealed => this.#givenKeys(sealed)).then(sealer => ({ database, sealer }))
      return attempt()
    }
  }

  async sealer(): Promise<Sealer> {
    return this.#run(async ({ sealer }) => sealer)
  }

  /**
   * Whether another connection has written since the last call, or the file was opened anew. Versions of two
   * connections cannot be compared, so each is marked in a place of its own: its temporary schema.
   */
  async changedByOthers(): Promise<boolean> {
    const { mark, version } = await this.query(async kysely => {
      const marks = await sql<{ user_version: number }>`pragma temp.user_version`.execute(kysely)
      const versions = await sql<{ data_version: number }>`pragma data_version`.execute(kysely)
      if (marks.rows[0]?.user_version !== seenMark)
        await sql`pragma temp.user_version = ${sql.lit(seenMark)}`.execute(kysely)
      return { mark: marks.rows[0]?.user_version, version: versions.rows[0]?.data_version }
    })
    const changed = mark !== seenMark || version !== this.#seenVersion
    this.#seenVersion = version
    return changed
  }

  problems(): readonly string[] {
    return this.#failure === undefined ? [] : [this.#failure]
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      const opened = await this.#opening?.catch(() => undefined)
      await opened?.database.close()
    })()
    return this.#closing
  }

  async #run<T>(operation: (opened: Opened) => Promise<T>): Promise<T> {
    try {
      const result = await operation(await this.#open())
      this.#note(undefined)
      return result
    } catch (error) {
      if (isHotwellError(error, 'store_unavailable') || isHotwellError(error, 'store_unreadable'))
        this.#note(error.message)
      throw error
    }
  }

  #note(failure: string | undefined): void {
    if (failure === this.#failure) return
    this.#failure = failure
    if (failure === undefined) this.#logger.info({}, 'The account database works again')
    else this.#logger.warn({ error: failure }, 'The account database failed')
  }

  async #open(): Promise<Opened> {
    if (this.#closing) throw new HotwellError('closed', `${this.#path} has been closed.`)
    const opening = (this.#opening ??= this.#prepare())
    try {
      return await opening
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined
      throw error
    }
  }

  async #prepare(): Promise<Opened> {
    const database = await openSqlite<AccountTables>(this.#path, { checkpointPages: 250 })
    try {
      await database.migrate(migrations)
      return { database, sealer: await openSealer(database, sealed => this.#givenKeys(sealed)) }
    } catch (error) {
      await database.close()
      throw error
    }
  }

  async #givenKeys({ by }: { by: readonly string[] }): Promise<readonly string[]> {
    if (this.#keys) return this.#keys
    const keyFile = join(dirname(this.#path), keyFileName)
    // A new key would open nothing, and would lie where the lost one must be put back.
    const key = by.length > 0 ? await readKeyFile(keyFile) : await ensureKeyFile(keyFile)
    if (key !== undefined) return [key]
    throw new HotwellError(
      'store_unreadable',
      `${this.#path} is sealed with the key ${by.join(' or ')}, but the key file ${keyFile} is not there. ` +
        'Nothing was changed. Put it back, or give the key.',
    )
  }
}

/** An empty file lies where the opened one was: its key may be gone as well, and the next start must find one. */
class SealMissing extends Error {}
