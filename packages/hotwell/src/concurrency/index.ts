export { type AdaptiveLimit, type AttemptOutcome, createFixedLimit } from './adaptive-limit.ts'
export type { ErrorRateWatchOptions } from './error-rate-watch.ts'
export { createExecutor, type ExecutorOptions } from './executor.ts'
export type { ExecutorConcurrency } from './executor-concurrency.ts'
export type {
  Executor,
  ExecutorStatistics,
  ExecutorTask,
  MapOptions,
  MapResult,
  RunOptions,
  TaskContext,
} from './executor-contract.ts'
export { createGate, type GateOptions } from './gate.ts'
export type { Gate, GateHolder, GateRequest, GateSectionUsage, GateSlot, GateUsage } from './gate-contract.ts'
export type { GateLimits } from './gate-limits.ts'
export { createGradientLimit, type GradientLimitOptions } from './gradient-limit.ts'
export { type ClassifyOutcome, classifyOutcome, type TaskOutcome } from './task-outcome.ts'
export { createThresholdLimit, type ThresholdLimitOptions } from './threshold-limit.ts'
