export { createHistory, type History, type HistoryOptions, type StatisticsOptions } from './create-history.ts'
export type { RecorderOptions } from './recorder.ts'
export type {
  AccountPerformance,
  DayOutcome,
  HistoryStatistics,
  Outcome,
  SiteOutcome,
} from './statistics.ts'
