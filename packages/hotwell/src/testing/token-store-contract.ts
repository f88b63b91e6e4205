import { claimClauses } from './token-store-claim-clauses.ts'
import type { MakeStore, TestFunction } from './token-store-harness.ts'
import { recordClauses } from './token-store-record-clauses.ts'
import { type SchedulesOptions, scheduleClauses } from './token-store-schedules.ts'

export interface TokenStoreContractOptions extends SchedulesOptions {
  /** Whether what is stored outlives `close()`: then restarts and reboots are tried too. Default true. */
  persistent?: boolean
}

/**
 * Everything that a token store promises: each clause of the port, and the model test, in which model processes share
 * the store under crashes, pauses past the claim, jumps of the clock, rejected tokens and rotating refresh tokens.
 * `test` is the caller's (`node:test`, Vitest, …): it is called with a name and an async function.
 */
export function tokenStoreContract(
  test: TestFunction,
  makeStore: MakeStore,
  options: TokenStoreContractOptions = {},
): void {
  const { persistent = true } = options
  claimClauses(test, makeStore, persistent)
  recordClauses(test, makeStore, persistent)
  scheduleClauses(test, makeStore, options)
}
