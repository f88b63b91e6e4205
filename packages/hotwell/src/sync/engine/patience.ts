import { backoffMs } from '../../core/backoff.ts'
import { type Clock, sleep } from '../../core/clock.ts'
import { isHotwellError } from '../../core/errors.ts'

export interface PatienceOptions {
  /** So often something that failed is tried again soon. @default 3 */
  retries?: number
  /** The pause before the first of these, in ms; each is twice as long as the one before. @default 1000 */
  firstMs?: number
  /** After that the run is paused, and tries again this often, in ms. @default 30_000 */
  pausedMs?: number
  /** For so long, in ms; then it fails. @default 3_600_000 */
  giveUpMs?: number
}

/** Told when a run has to wait, and when it goes on. */
export type WaitListener = (waiting: { error: unknown; until: 'retry' | 'paused' } | undefined) => void

/** What befalls sources and targets passes, mostly: it is waited for. */
export class Patience {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #told: WaitListener
  readonly #options: Required<PatienceOptions>

  constructor(clock: Clock, signal: AbortSignal, told: WaitListener, options: PatienceOptions = {}) {
    const { retries = 3, firstMs = 1000, pausedMs = 30_000, giveUpMs = 3_600_000 } = options
    this.#clock = clock
    this.#signal = signal
    this.#told = told
    this.#options = { retries, firstMs, pausedMs, giveUpMs }
  }

  /** Does it until it succeeds. `progress`: a number that grows when a failed attempt has brought it further. */
  async with<T>(work: () => Promise<T>, progress = () => 0): Promise<T> {
    let failures = 0
    let failingSince = 0
    let reached = progress()
    for (;;) {
      this.#signal.throwIfAborted()
      try {
        const result = await work()
        if (failures > 0) this.#told(undefined)
        return result
      } catch (error) {
        this.#signal.throwIfAborted()
        if (progress() > reached) failures = 0
        reached = progress()
        if (failures++ === 0) failingSince = this.#clock.monotonic()
        if (!passes(error, failures, this.#options.retries)) throw error
        if (this.#clock.monotonic() - failingSince > this.#options.giveUpMs) throw error
        await this.#wait(error, failures)
      }
    }
  }

  async #wait(error: unknown, failures: number): Promise<void> {
    const { retries, firstMs, pausedMs } = this.#options
    const isSoon = failures <= retries
    this.#told({ error, until: isSoon ? 'retry' : 'paused' })
    const askedMs = isHotwellError(error) ? (error.retryAfterMs ?? 0) : 0
    const delayMs = isSoon ? backoffMs(failures, { baseMs: firstMs, maxMs: pausedMs }) : pausedMs
    await sleep(this.#clock, Math.max(askedMs, delayMs), this.#signal)
  }
}

/** Whether the same may succeed later. What nobody sorted may be a mistake in a program: it is tried a few times. */
function passes(error: unknown, failures: number, retries: number): boolean {
  return isHotwellError(error) ? error.retryable : failures <= retries
}
