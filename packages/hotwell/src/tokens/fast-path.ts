import { type CurrentToken, servedBy } from './current-token.ts'
import type { EntryContext } from './entry-context.ts'
import type { FailureMemory } from './failure-memory.ts'
import { softUntil } from './lifetime.ts'
import { arm, type TokenHandle } from './token-handle.ts'

/**
 * What callers get without a decision: from the handle, which serves a token by itself up to an instant, and from the
 * promise that all share who wait for the same flight.
 */
export class FastPath {
  readonly #context: EntryContext
  readonly #handle: TokenHandle
  #flight: unknown
  #value: Promise<string> | undefined

  constructor(context: EntryContext, handle: TokenHandle) {
    this.#context = context
    this.#handle = handle
  }

  /** The handle serves this token, by default until it is soft. Not while every hit is logged, nor after closing. */
  arm(current: CurrentToken | undefined, until?: number): void {
    this.#value = undefined
    const { clock, logHits, closed } = this.#context
    arm(this.#handle, current && !logHits && !closed ? servedBy(current, clock, until) : undefined)
  }

  /** While a renewal runs, or must not run yet, the handle serves the soft token, but never up to its bare end. */
  armSoft(current: CurrentToken, flight: unknown, failures: FailureMemory): void {
    const { hardAt, marginMs } = current.lifetime
    const until = softUntil(hardAt, marginMs)
    if (flight) this.arm(current, until)
    else if (failures.pausing) this.arm(current, Math.min(until, failures.last!.retryAt))
  }

  /** Every lookup asks the entry. */
  disarm(): void {
    this.arm(undefined)
  }

  /** The promise of those who wait for this flight. */
  waiting(flight: unknown): Promise<string> | undefined {
    return flight !== undefined && flight === this.#flight ? this.#value : undefined
  }

  /** Thousands of callers who wait for the same flight share one promise. */
  share(flight: unknown, value: Promise<string>): void {
    this.#flight = flight
    this.#value = this.#context.closed ? undefined : value
  }
}
