import type { AcquisitionRow } from './acquisition-row.ts'
import type { HistoryPage, SearchQuery } from './search.ts'
import type { HistoryStatistics, StatisticsQuery } from './statistics.ts'

/**
 * Where history lies. Each request takes effect as a whole or rejects, and may then be made again. Writing a row that
 * is there already does nothing.
 */
export interface HistoryStore {
  /** Resolves when the rows are committed. */
  write(rows: readonly AcquisitionRow[]): Promise<void>
  search(query: SearchQuery): Promise<HistoryPage>
  statistics(query: StatisticsQuery): Promise<HistoryStatistics>
  /** Deletes what finished before that instant (wall clock, ms) and returns how many records that were. */
  purge(beforeAt: number): Promise<number>
  close(): Promise<void>
}

/** What opening a {@link HistoryStore} takes. It is posted to a thread, so it holds plain data only. */
export interface HistoryStoreOptions {
  readonly path: string
  readonly synchronous: 'normal' | 'full'
  /** For how long a request is tried again while another process locks the file, in milliseconds. */
  readonly busyLimitMs: number
}
