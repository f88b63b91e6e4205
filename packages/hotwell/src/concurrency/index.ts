export { createGate, type GateOptions } from './gate.ts'
export type { Gate, GateHolder, GateRequest, GateSectionUsage, GateSlot, GateUsage } from './gate-contract.ts'
export type { GateLimits } from './gate-limits.ts'
