import { backoffMs } from '../core/backoff.ts'
import type { Clock, ScheduledCall } from '../core/clock.ts'
import { keepAlive } from '../core/keep-alive.ts'
import type { Logger } from '../core/logger.ts'
import type { AcquisitionRecord, AcquisitionRecorder } from '../tokens/acquisition-record.ts'
import { rowOf } from './acquisition-row.ts'
import type { HistoryStore } from './history-store.ts'
import { RecordQueue } from './record-queue.ts'

/** So many rows cost this thread some milliseconds to send; the more in one transaction, the fewer pages are written. */
const largestBatch = 2000
/** They are written in one transaction with what arrives beside them; more would only be lost with a kill. */
const mostInFlight = 10

export interface RecorderOptions {
  /** A record waits at most this long before it is sent, in milliseconds. @default 1000 */
  flushMs?: number
  /** So many waiting records are sent at once, without waiting for the time. @default 100 */
  flushRecords?: number
  /** Records kept in memory while the database is away, the batch in flight included. @default 100_000 */
  maxBuffered?: number
  /** How long `flush()` and `close()` wait for the database, in milliseconds. @default 5000 */
  flushTimeoutMs?: number
}

interface Problem {
  readonly message: string
  readonly sinceAt: number
  readonly attempts: number
}

interface Entry {
  readonly sequence: number
  readonly record: AcquisitionRecord
}

type Batch = readonly Entry[]

interface Waiter {
  readonly through: number
  /** Whether it goes on waiting when writing fails. */
  readonly patient: boolean
  readonly done: () => void
}

/**
 * Takes records off the acquirer's hands and brings them to the store in batches, one in flight at a time, several
 * while records come faster than that. Each accepted record is written once or counted as dropped; the oldest are dropped
 * first.
 */
export class Recorder implements AcquisitionRecorder {
  readonly #store: HistoryStore
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #flushMs: number
  readonly #flushRecords: number
  readonly #maxBuffered: number
  readonly #flushTimeoutMs: number

  readonly #waiting = new RecordQueue<Entry>()
  #inFlight: Batch[] = []
  /** Batches that failed while another one was in flight; they go back together, in order. */
  #failed: Batch[] = []
  #sequence = 0
  #written = 0
  #dropped = 0
  /** Why the timer runs: a flush by time, a flush that is due, the next attempt after a failure. */
  #next: 'none' | 'flush' | 'due' | 'retry' = 'none'
  #timer: ScheduledCall | undefined
  readonly #waiters = new Set<Waiter>()
  #problem: Problem | undefined
  #dropping = false
  #closing: Promise<void> | undefined

  constructor(store: HistoryStore, clock: Clock, logger: Logger, options: RecorderOptions = {}) {
    const { flushMs = 1000, flushRecords = 100, maxBuffered = 100_000, flushTimeoutMs = 5000 } = options
    this.#store = store
    this.#clock = clock
    this.#logger = logger
    this.#flushMs = flushMs
    this.#flushRecords = flushRecords
    this.#maxBuffered = maxBuffered
    this.#flushTimeoutMs = flushTimeoutMs
  }

  /** Records committed since the start. */
  get written(): number {
    return this.#written
  }

  /** Records lost since the start: memory was full, or the database did not come back before closing. */
  get dropped(): number {
    return this.#dropped
  }

  /** Records in memory: those that wait and those in flight. */
  get buffered(): number {
    let sent = 0
    for (const batch of this.#inFlight) sent += batch.length
    for (const batch of this.#failed) sent += batch.length
    return this.#waiting.length + sent
  }

  /** Why records wait in memory. */
  problems(): readonly string[] {
    if (!this.#problem) return []
    const { message, sinceAt, attempts } = this.#problem
    const since = `since ${new Date(sinceAt).toISOString()}, ${attempts} attempts`
    return [`${message} (${since}; ${this.buffered} records wait in memory, ${this.#dropped} were dropped)`]
  }

  record(record: AcquisitionRecord): void {
    if (this.#closing) {
      this.#dropped++
      return
    }
    if (this.buffered >= this.#maxBuffered) this.#dropOldest()
    // All of memory may be in flight; then the newcomer is the oldest that could be dropped.
    if (this.buffered < this.#maxBuffered) this.#waiting.push({ sequence: ++this.#sequence, record })
    this.#plan()
  }

  async flush(): Promise<void> {
    await this.#flush(true)
  }

  /** As {@link flush} for whoever is about to read: content with what is committed as soon as writing fails. */
  async catchUp(): Promise<void> {
    if (!this.#problem) await this.#flush(false)
  }

  async #flush(patient: boolean): Promise<void> {
    if (this.buffered === 0) return
    if (this.#inFlight.length === 0) this.#send()
    await keepAlive(this.#writtenThrough(this.#sequence, patient))
  }

  /** Writes what is still in memory, as long as {@link RecorderOptions.flushTimeoutMs} allows. Later records drop. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.flush()
    this.#timer?.cancel()
    const lost = this.buffered
    if (lost === 0) return
    this.#waiting.take(lost)
    this.#dropped += lost
    this.#inFlight = []
    this.#failed = []
    this.#logger.error({ lost, problem: this.#problem?.message }, 'History was closed before all was written')
  }

  /** Resolves when that record and all before it have left memory, or at the time-out. */
  #writtenThrough(through: number, patient: boolean): Promise<void> {
    return new Promise(resolve => {
      const timeout = this.#clock.schedule(() => {
        this.#waiters.delete(waiter)
        resolve()
      }, this.#flushTimeoutMs)
      const done = () => {
        timeout.cancel()
        resolve()
      }
      const waiter: Waiter = { through, patient, done }
      this.#waiters.add(waiter)
    })
  }

  #dropOldest(): void {
    this.#waiting.take(1)
    this.#dropped++
    if (this.#dropping) return
    this.#dropping = true
    this.#logger.warn({ maxBuffered: this.#maxBuffered }, 'History is full: the oldest records in memory are dropped')
  }

  /** Sees to it that what waits will be sent. */
  #plan(): void {
    if (this.#next === 'due' || this.#next === 'retry' || this.#failed.length > 0) return
    if (this.#inFlight.length > 0) {
      const another = this.#inFlight.length < mostInFlight && this.#waiting.length >= largestBatch
      if (another) this.#schedule('due', 0)
      return
    }
    if (this.#waiting.length >= this.#flushRecords) this.#schedule('due', 0)
    else if (this.#waiting.length > 0 && this.#next === 'none') this.#schedule('flush', this.#flushMs)
  }

  #schedule(next: 'flush' | 'due' | 'retry', delayMs: number): void {
    this.#timer?.cancel()
    this.#next = next
    this.#timer = this.#clock.schedule(() => this.#send(), delayMs)
  }

  #send(): void {
    this.#timer?.cancel()
    this.#next = 'none'
    const batch = this.#waiting.take(largestBatch)
    if (batch.length === 0) return
    this.#inFlight.push(batch)
    this.#store.write(batch.map(entry => rowOf(entry.record))).then(
      () => this.#wrote(batch),
      error => this.#failedToWrite(batch, error),
    )
    this.#plan()
  }

  #wrote(batch: Batch): void {
    if (!this.#landed(batch)) return
    this.#written += batch.length
    this.#dropping = false
    if (this.#problem && this.#failed.length === 0) {
      this.#logger.info({ attempts: this.#problem.attempts, buffered: this.buffered }, 'History is written again')
      this.#problem = undefined
    }
    this.#tellWaiters()
    if (this.#failed.length > 0) this.#putBack()
    else if (this.#waiters.size > 0 && this.#inFlight.length === 0) this.#send()
    else this.#plan()
  }

  #failedToWrite(batch: Batch, error: unknown): void {
    if (!this.#landed(batch)) return
    this.#failed.push(batch)
    const message = error instanceof Error ? error.message : String(error)
    const attempts = (this.#problem?.attempts ?? 0) + 1
    if (this.#problem?.message !== message) {
      this.#logger.warn({ buffered: this.buffered }, `History cannot be written: ${message}`)
    }
    this.#problem = { message, sinceAt: this.#problem?.sinceAt ?? this.#clock.now(), attempts }
    for (const waiter of this.#waiters) if (!waiter.patient) this.#tell(waiter)
    this.#putBack()
  }

  /** False when it was given up by closing. */
  #landed(batch: Batch): boolean {
    const place = this.#inFlight.indexOf(batch)
    if (place >= 0) this.#inFlight.splice(place, 1)
    return place >= 0
  }

  /** Once nothing is in flight, what failed waits again, the oldest first, and is tried again after a pause. */
  #putBack(): void {
    if (this.#inFlight.length > 0) return
    for (const batch of this.#failed.reverse()) this.#waiting.putBack(batch)
    this.#failed = []
    this.#schedule('retry', backoffMs(this.#problem?.attempts ?? 1, { baseMs: 100, maxMs: 10_000 }))
  }

  #tellWaiters(): void {
    const oldest = [this.#waiting.first, ...[...this.#inFlight, ...this.#failed].map(batch => batch[0])]
    const next = Math.min(...oldest.map(entry => entry?.sequence ?? Number.POSITIVE_INFINITY))
    for (const waiter of this.#waiters) if (waiter.through < next) this.#tell(waiter)
  }

  #tell(waiter: Waiter): void {
    this.#waiters.delete(waiter)
    waiter.done()
  }
}
