export { createHistory, type History, type HistoryOptions, type StatisticsOptions } from './create-history.ts'
export type { RecordFilter } from './record-filter.ts'
export type { RecorderOptions } from './recorder.ts'
export type { HistoryPage, SearchOptions } from './search.ts'
export type {
  AccountPerformance,
  DayOutcome,
  HistoryStatistics,
  Outcome,
  SiteOutcome,
} from './statistics.ts'
