import { HotwellError } from '../../core/errors.ts'

/** Pauses, resumes and ends what runs. */
export class RunControl {
  #abort = new AbortController()
  #signal = this.#abort.signal
  #paused: PromiseWithResolvers<void> | undefined
  #isClosed = false

  get isPaused(): boolean {
    return this.#paused !== undefined
  }

  /** For one run; ends with the caller's signal as well. */
  begin(signal: AbortSignal | undefined): AbortSignal {
    if (this.#isClosed) throw new HotwellError('closed', 'The sync has been closed.')
    this.#abort = new AbortController()
    this.#signal = signal ? AbortSignal.any([signal, this.#abort.signal]) : this.#abort.signal
    return this.#signal
  }

  end(): void {
    this.resume()
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers()
  }

  resume(): void {
    this.#paused?.resolve()
    this.#paused = undefined
  }

  close(): void {
    this.#isClosed = true
    this.#abort.abort(new HotwellError('closed', 'The sync has been closed.'))
    this.resume()
  }

  /** Waits while paused, and calls `pausing` before; rejects once the run is to end. */
  async turn(pausing?: () => void): Promise<void> {
    if (this.#paused) {
      pausing?.()
      await untilEither(this.#paused.promise, this.#signal)
    }
    this.#signal.throwIfAborted()
  }
}

async function untilEither(resumed: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const ended = () => resolve()
  signal.addEventListener('abort', ended, { once: true })
  await Promise.race([resumed, promise])
  signal.removeEventListener('abort', ended)
}
