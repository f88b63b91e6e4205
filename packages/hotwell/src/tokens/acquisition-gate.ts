import type { Gate } from '../concurrency/index.ts'

export type { GateHolder, GateRequest, GateSectionUsage, GateSlot, GateUsage } from '../concurrency/index.ts'

/** Port: limits acquisitions. What `createGate()` makes is one; the acquirer enters it, and changes nothing of it. */
export type AcquisitionGate = Omit<Gate, 'configure'>
