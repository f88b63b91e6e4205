import type { Clock, ScheduledCall } from '../../core/clock.ts'
import type { TargetConnection } from '../target.ts'

/** The connection of a sync: of the run that goes on, and for a while behind it. */
export class KeptConnection {
  readonly #clock: Clock
  readonly #keptMs: number
  readonly #connect: () => Promise<TargetConnection>
  #connection: TargetConnection | undefined
  #expiry: ScheduledCall | undefined
  /** Settles when all that were closed are; never rejects. */
  #closing: Promise<unknown> = Promise.resolve()

  /** `keptMs`: for so long it stays open behind a run. */
  constructor(clock: Clock, keptMs: number, connect: () => Promise<TargetConnection>) {
    this.#clock = clock
    this.#keptMs = keptMs
    this.#connect = connect
  }

  async take(): Promise<TargetConnection> {
    this.#expiry?.cancel()
    this.#connection ??= await this.#connect()
    return this.#connection
  }

  /** It is not needed for now. */
  async leave(): Promise<void> {
    if (this.#keptMs === 0) return this.close()
    this.#expiry?.cancel()
    this.#expiry = this.#clock.schedule(() => void this.close(), this.#keptMs)
  }

  /** Waits for those as well whose time had come before. */
  async close(): Promise<void> {
    this.#expiry?.cancel()
    const connection = this.#connection
    this.#connection = undefined
    const before = this.#closing
    const closed = connection?.close()
    this.#closing = Promise.allSettled([before, closed])
    await before
    await closed
  }
}
