import { type Clock, createSystemClock } from '../core/clock.ts'
import { HotwellError } from '../core/errors.ts'
import { keepAlive } from '../core/keep-alive.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import type { AcquisitionRecorder } from '../tokens/acquisition-record.ts'
import type { HistoryStore, HistoryStoreOptions } from './history-store.ts'
import { Recorder, type RecorderOptions } from './recorder.ts'
import { createRetention } from './retention.ts'
import { type HistoryPage, type SearchOptions, searchQuery } from './search.ts'
import type { HistoryStatistics } from './statistics.ts'
import { createWorkerHistoryStore } from './worker-history-store.ts'

const dayMs = 86_400_000

export interface HistoryOptions extends RecorderOptions {
  /** The database file, by custom `hotwell.db`. Created when it is not there. Several processes may share it. */
  path: string
  /** Older records are deleted, hourly. @default 30 */
  retentionDays?: number
  /** `normal`: a power cut may lose the last second, a kill loses nothing committed. `full`: neither. @default 'normal' */
  synchronous?: HistoryStoreOptions['synchronous']
  /**
   * Write in a thread of its own. False writes in this one, which blocks it for some milliseconds a batch: for scripts
   * and small embeddings. @default true
   */
  worker?: boolean
  /** @default the machine's clocks */
  clock?: Clock
  /** @default none */
  logger?: Logger
}

/** Which acquisitions {@link History.statistics} looks at. */
export interface StatisticsOptions {
  /** How many days back from now, more than 0. @default 7 */
  days?: number
  /** Only this provider. */
  site?: string
  /** Only this subject. */
  account?: string
  /** Only this kind. */
  kind?: string
  /** At most so many accounts are listed, those with most acquisitions first. @default 1000 */
  accounts?: number
}

/** The history of acquisitions: hand it to `createTokenManager({ history })`. */
export interface History extends AcquisitionRecorder {
  /** Records committed by this process. */
  readonly written: number
  /** Records lost by this process: memory was full, or the database did not come back before closing. */
  readonly dropped: number
  /** Records in memory: those that wait and those of the batch in flight. */
  readonly buffered: number
  /** What is wrong now, for health; empty when all is well. */
  problems(): readonly string[]
  /**
   * Figures by status, site, account and day. What was recorded before is counted: it is written first. Only while it
   * cannot be written, see {@link problems}, the figures are those of what is committed.
   * @throws HotwellError `invalid_request`; `store_unavailable` while the database cannot be read
   */
  statistics(options?: StatisticsOptions): Promise<HistoryStatistics>
  /**
   * The records that fit, the newest first, page by page. What was recorded before is among them, as with
   * {@link statistics}.
   * @throws HotwellError `invalid_request`; `store_unavailable` while the database cannot be read
   */
  search(options?: SearchOptions): Promise<HistoryPage>
  /**
   * Deletes records older than so many days, by default `retentionDays`, and returns how many. The latter happens hourly
   * by itself.
   * @throws HotwellError `invalid_request`; `store_unavailable` while the database cannot be written
   */
  purge(options?: { days?: number }): Promise<number>
  /** Resolves when all that was recorded before is committed, or after `flushTimeoutMs`. Never rejects. */
  flush(): Promise<void>
  /** Flushes and closes. What then is still in memory counts as dropped. Never rejects; closing twice is safe. */
  close(): Promise<void>
}

/**
 * Keeps the record of every acquisition in an SQLite file. `record()` only puts it into memory; a batch is sent to a
 * thread every second or every 100 records. A kill loses at most the batch in flight and what came meanwhile. While
 * the file cannot be written records wait in memory, up to `maxBuffered`.
 */
export function createHistory(options: HistoryOptions): History {
  const { path, retentionDays = 30, synchronous = 'normal', worker = true, logger = silentLogger } = options
  if (!path) throw new HotwellError('invalid_configuration', 'History needs the path of its database file.')
  if (!(retentionDays > 0))
    throw new HotwellError('invalid_configuration', `retentionDays has to be more than 0, not ${retentionDays}.`)
  const clock = options.clock ?? createSystemClock()
  const store = worker
    ? createWorkerHistoryStore({ path, synchronous, busyLimitMs: 1000 })
    : inThisThread({ path, synchronous, busyLimitMs: 250 })
  // A thread of its own: figures over a long history take seconds, in which records would wait in memory.
  const reading = worker ? createWorkerHistoryStore({ path, synchronous, busyLimitMs: 1000 }) : store
  const recorder = new Recorder(store, clock, logger, options)
  const purge = (days: number) => store.purge(clock.now() - days * dayMs)
  const retention = createRetention({ purge: () => purge(retentionDays), clock, logger })
  let closing: Promise<void> | undefined

  return {
    get written() {
      return recorder.written
    },
    get dropped() {
      return recorder.dropped
    },
    get buffered() {
      return recorder.buffered
    },
    record: record => recorder.record(record),
    flush: () => recorder.flush(),
    problems: () => recorder.problems(),
    async search(given = {}) {
      const query = searchQuery(given)
      await recorder.catchUp()
      return keepAlive(reading.search(query))
    },
    async purge({ days = retentionDays } = {}) {
      if (!(days > 0)) throw new HotwellError('invalid_request', `days has to be more than 0, not ${days}.`)
      return keepAlive(purge(days))
    },
    async statistics({ days = 7, site, account, kind, accounts = 1000 } = {}) {
      if (!(days > 0) || !(accounts >= 0))
        throw new HotwellError(
          'invalid_request',
          `days has to be more than 0 (${days}), accounts at least 0 (${accounts}).`,
        )
      await recorder.catchUp()
      const now = clock.now()
      return keepAlive(reading.statistics({ fromAt: now - days * dayMs, toAt: now + 1, site, account, kind, accounts }))
    },
    close() {
      closing ??= (async () => {
        retention.stop()
        await recorder.close()
        await Promise.all([store.close(), reading.close()])
      })()
      return closing
    },
  }
}

/** Loaded when it is needed: with a worker, no SQLite is in the thread that serves tokens. */
function inThisThread(options: HistoryStoreOptions): HistoryStore {
  let loading: Promise<HistoryStore> | undefined
  const loaded = () =>
    (loading ??= import('./sqlite-history-store.ts').then(module => module.openSqliteHistoryStore(options)))
  return {
    write: async rows => (await loaded()).write(rows),
    search: async query => (await loaded()).search(query),
    statistics: async query => (await loaded()).statistics(query),
    purge: async beforeAt => (await loaded()).purge(beforeAt),
    close: async () => (await loading)?.close(),
  }
}
