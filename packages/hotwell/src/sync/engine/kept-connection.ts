import type { Clock, ScheduledCall } from '../../core/clock.ts'
import type { TargetConnection } from '../target.ts'

/** Runs that follow each other soon need not connect anew; an SQLite file is not cleared up after each. */
const keptMs = 30_000

/** The connection of a sync: of the run that goes on, and for a while behind it. */
export class KeptConnection {
  readonly #clock: Clock
  readonly #connect: () => Promise<TargetConnection>
  #connection: TargetConnection | undefined
  #expiry: ScheduledCall | undefined

  constructor(clock: Clock, connect: () => Promise<TargetConnection>) {
    this.#clock = clock
    this.#connect = connect
  }

  async take(): Promise<TargetConnection> {
    this.#expiry?.cancel()
    this.#connection ??= await this.#connect()
    return this.#connection
  }

  /** It is not needed for now. */
  leave(): void {
    this.#expiry?.cancel()
    this.#expiry = this.#clock.schedule(() => void this.close(), keptMs)
  }

  async close(): Promise<void> {
    this.#expiry?.cancel()
    const connection = this.#connection
    this.#connection = undefined
    await connection?.close()
  }
}
