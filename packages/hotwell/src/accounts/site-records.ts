import type { AccountRecord } from './account-row.ts'

/** Reads records: of the whole site, or of these accounts alone. */
export interface SiteReader {
  all(): Promise<readonly AccountRecord[]>
  some(accounts: readonly string[]): Promise<readonly AccountRecord[]>
}

/** The accounts of one site as they were read. After a change of one of them only that one is read again. */
export class SiteRecords {
  readonly #byAccount: Map<string, AccountRecord>
  #refreshing: Promise<void> | undefined
  /** Grows with each change. */
  version = 0

  constructor(records: readonly AccountRecord[]) {
    this.#byAccount = new Map(records.map(record => [record.row.account, record]))
  }

  get size(): number {
    return this.#byAccount.size
  }

  values(): IterableIterator<AccountRecord> {
    return this.#byAccount.values()
  }

  /**
   * Reads again what is stale by now. Whoever comes while that is going on waits for it, and looks once more.
   * @param stale is emptied; on a failure it is filled again
   */
  async refresh(stale: Set<string> | undefined, { some }: SiteReader): Promise<void> {
    while (this.#refreshing) await this.#refreshing
    if (!stale || stale.size === 0) return
    const refreshing = this.#reread(stale, some).finally(() => (this.#refreshing = undefined))
    this.#refreshing = refreshing.catch(() => {})
    await refreshing
  }

  async #reread(stale: Set<string>, some: SiteReader['some']): Promise<void> {
    const accounts = [...stale]
    stale.clear()
    try {
      const records = await some(accounts)
      for (const account of accounts) this.#byAccount.delete(account)
      for (const record of records) this.#byAccount.set(record.row.account, record)
      this.version++
    } catch (error) {
      for (const account of accounts) stale.add(account)
      throw error
    }
  }
}
