import { setImmediate } from 'node:timers/promises'
import type { Database } from '../database/database.ts'
import { historyAcquisitions } from '../database/migrations/001-history-acquisitions.ts'
import { historyDetails } from '../database/migrations/002-history-details.ts'
import { openSqlite } from '../database/open-sqlite.ts'
import type { AcquisitionRow } from './acquisition-row.ts'
import type { HistoryStore, HistoryStoreOptions } from './history-store.ts'
import { deleteBefore, insertAcquisition } from './repository.ts'
import { searchAcquisitions } from './search.ts'
import { readStatistics } from './statistics.ts'

/** So few at once that writing gets its turn in between. */
const purgedAtOnce = 1000
/** 64 MB of log between check-points, each of which writes every changed page once: history comes in bulk. */
const checkpointPages = 16_000
/** What is written goes into four indexes, whose pages are wanted again and again. */
const cacheMegabytes = 64
const migrations = [historyAcquisitions, historyDetails]

/** Rows that go into one transaction. */
interface Group {
  readonly rows: AcquisitionRow[]
  written: Promise<void>
}

/** History in an SQLite file, in the thread that calls. The file is opened by the first request. */
export function openSqliteHistoryStore({ path, synchronous, busyLimitMs }: HistoryStoreOptions): HistoryStore {
  let opening: Promise<Database> | undefined
  let closed = false
  let nextGroup: Group | undefined
  let lastGroup: Promise<void> = Promise.resolve()

  async function open(): Promise<Database> {
    const database = await openSqlite(path, { synchronous, busyLimitMs, checkpointPages, cacheMegabytes })
    try {
      await database.migrate(migrations)
      return database
    } catch (error) {
      await database.close()
      throw error
    }
  }

  /** An opening that failed is tried again by the next request. */
  function opened(): Promise<Database> {
    opening ??= open().catch(error => {
      opening = undefined
      throw error
    })
    return opening
  }

  return {
    /** What is asked for while others are written goes into one transaction: pages of indexes are written once for all. */
    write(rows) {
      if (nextGroup) {
        for (const row of rows) nextGroup.rows.push(row)
        return nextGroup.written
      }
      const group: Group = { rows: [...rows], written: lastGroup }
      nextGroup = group
      group.written = lastGroup.then(async () => {
        // What was sent meanwhile arrives in this turn.
        await setImmediate()
        nextGroup = undefined
        const database = await opened()
        await database.write(insertAcquisition, group.rows)
      })
      lastGroup = group.written.catch(() => {})
      return group.written
    },
    async search(query) {
      const database = await opened()
      return database.query(kysely => searchAcquisitions(kysely, query))
    },
    async statistics(query) {
      const database = await opened()
      return database.query(kysely => readStatistics(kysely, query))
    },
    async purge(beforeAt) {
      const database = await opened()
      let purged = 0
      for (let deleted = purgedAtOnce; deleted === purgedAtOnce && !closed; purged += deleted) {
        deleted = await database.query(kysely => deleteBefore(kysely, beforeAt, purgedAtOnce))
        await setImmediate()
      }
      return purged
    },
    async close() {
      closed = true
      const database = await opening?.catch(() => undefined)
      await database?.close()
    },
  }
}
