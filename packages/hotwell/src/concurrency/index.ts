export { createGate, type GateOptions } from './gate.ts'
export type { Gate, GateRequest, GateSlot, GateUsage } from './gate-contract.ts'
export type { GateLimits } from './gate-limits.ts'
