import { statSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { HotwellError, isHotwellError } from '../../core/errors.ts'
import { isBusy, sqliteFailure } from '../../database/sqlite-errors.ts'

export type SqliteRow = Record<string, unknown>

/** A connection that only reads; each statement sees what is committed then, and holds nothing afterwards. */
export class SqliteFile {
  readonly #native: DatabaseSync
  readonly #path: string
  readonly #busyLimitMs: number

  private constructor(native: DatabaseSync, path: string, busyLimitMs: number) {
    this.#native = native
    this.#path = path
    this.#busyLimitMs = busyLimitMs
  }

  /** @throws HotwellError `source_failed` */
  static async open(path: string, busyLimitMs: number): Promise<SqliteFile> {
    const found = statSync(path, { throwIfNoEntry: false })
    if (!found?.isFile()) {
      const what = found ? `${path} is no ordinary file.` : `There is no file ${path}.`
      throw new HotwellError('source_failed', what, { retryable: false })
    }
    try {
      const file = new SqliteFile(new DatabaseSync(path, { readOnly: true, timeout: 0 }), path, busyLimitMs)
      await file.all('select count(*) from sqlite_schema')
      return file
    } catch (error) {
      throw failure(error, path)
    }
  }

  has(table: string): boolean {
    return this.#native.prepare('select 1 from sqlite_schema where name = ?').get(table) !== undefined
  }

  /** @throws HotwellError `invalid_configuration` for what is no select */
  columnsOf(select: string): string[] {
    try {
      const columns = this.#native.prepare(select).columns()
      if (columns.length > 0) return columns.map(({ name }) => name)
    } catch (error) {
      if (isBusy(error)) throw failure(error, this.#path)
      throw new HotwellError('invalid_configuration', `${this.#path}: ${(error as Error).message}.`, { cause: error })
    }
    throw new HotwellError('invalid_configuration', `${this.#path}: this query has no rows: ${select}`)
  }

  /** Tried again while others are in the way. */
  async all(statement: string, values: readonly SQLInputValue[] = []): Promise<SqliteRow[]> {
    const startedAt = performance.now()
    for (let pauseMs = 1; ; pauseMs = Math.min(25, pauseMs * 1.5)) {
      try {
        const prepared = this.#native.prepare(statement)
        // Otherwise one integer beyond 2⁵³ makes the whole query throw.
        prepared.setReadBigInts(true)
        return prepared.all(...values) as SqliteRow[]
      } catch (error) {
        if (!isBusy(error) || performance.now() - startedAt > this.#busyLimitMs) throw failure(error, this.#path)
        await delay(pauseMs * (0.5 + Math.random()))
      }
    }
  }

  close(): void {
    if (this.#native.isOpen) this.#native.close()
  }
}

function failure(error: unknown, path: string): unknown {
  if (isHotwellError(error)) return error.code.startsWith('store_') ? sourceFailed(error) : error
  const found = sqliteFailure(error, path)
  if (isHotwellError(found)) return sourceFailed(found)
  return new HotwellError('source_failed', `${path}: ${(error as Error).message}`, { cause: error, retryable: false })
}

function sourceFailed({ message, cause, retryable }: HotwellError): HotwellError {
  return new HotwellError('source_failed', message, { cause, retryable })
}
