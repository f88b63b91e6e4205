import { HotwellError } from '../core/errors.ts'
import { type GateRequest, type GateSlot, requestName } from './gate-contract.ts'
import type { Lane } from './gate-queue.ts'

/**
 * A slot's life: `held` until it is released or its deadline comes; then, for an account, `quarantined` until it is
 * released after all or the quarantine is over; `ended` for good.
 */
export type SlotState = 'held' | 'quarantined' | 'ended'

/** What the gate knows of one slot. */
export class Slot implements GateSlot {
  readonly number: number
  readonly queueWaitMs: number
  readonly request: GateRequest
  readonly lane: Lane
  readonly takenAt: number
  readonly endsAt: number
  state: SlotState = 'held'
  readonly #release: (slot: Slot) => void
  #abort: AbortController | undefined
  #timeout: HotwellError | undefined
  #ended: PromiseWithResolvers<void> | undefined

  constructor(
    facts: Pick<Slot, 'number' | 'queueWaitMs' | 'request' | 'lane' | 'takenAt' | 'endsAt'>,
    release: (slot: Slot) => void,
  ) {
    this.number = facts.number
    this.queueWaitMs = facts.queueWaitMs
    this.request = facts.request
    this.lane = facts.lane
    this.takenAt = facts.takenAt
    this.endsAt = facts.endsAt
    this.#release = release
  }

  /** Made when it is first asked for: an AbortController costs more than all the rest of an uncontended slot. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController()
      if (this.#timeout) this.#abort.abort(this.#timeout)
    }
    return this.#abort.signal
  }

  get ended(): Promise<void> {
    this.#ended ??= Promise.withResolvers()
    if (this.state === 'ended') this.#ended.resolve()
    return this.#ended.promise
  }

  release(): void {
    this.#release(this)
  }

  /** Nothing is held any more. */
  end(): void {
    this.state = 'ended'
    this.#ended?.resolve()
  }

  /** Tells the holder that its time is over. */
  timeOut(): void {
    const seconds = (this.endsAt - this.takenAt) / 1000
    this.#timeout = new HotwellError(
      'timeout',
      `The acquisition of ${requestName(this.request)} took longer than ${seconds} s and was aborted. ` +
        'If it may take longer, raise gate.acquisitionTimeoutSeconds.',
      { details: { slot: this.number, acquisitionTimeoutSeconds: seconds } },
    )
    this.#abort?.abort(this.#timeout)
  }
}
