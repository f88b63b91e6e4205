import type { AccountDatabase } from './account-database.ts'
import type { AccountRecord, BarRow } from './account-row.ts'
import { PacedReads } from './paced-reads.ts'
import { pageRows, readBarsAfter, readRecords } from './repository.ts'

/** Reads what may be long, in pages, so that the thread is free in between. What is given no site reads them all. */
export class AccountReader {
  readonly #database: AccountDatabase
  readonly #reads = new PacedReads()

  constructor(database: AccountDatabase) {
    this.#database = database
  }

  /** In order of site and account. */
  records(site?: string): Promise<AccountRecord[]> {
    return this.#allPages(last => this.#database.query(kysely => readRecords(kysely, { site, after: last?.row })))
  }

  /** Of these accounts, at most a page of them. */
  recordsOf(site: string, accounts: readonly string[]): Promise<AccountRecord[]> {
    return this.#reads.run(() => this.#database.query(kysely => readRecords(kysely, { site, accounts })))
  }

  /** In order of site, account and cause; those that are over included. */
  bars(site?: string): Promise<BarRow[]> {
    return this.#allPages(after => this.#database.query(kysely => readBarsAfter(kysely, { site, after })))
  }

  async #allPages<Row>(read: (last: Row | undefined) => Promise<readonly Row[]>): Promise<Row[]> {
    const rows: Row[] = []
    for (;;) {
      const page = await this.#reads.run(() => read(rows.at(-1)))
      rows.push(...page)
      if (page.length < pageRows) return rows
    }
  }
}
