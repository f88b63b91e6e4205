import { type Clock, createSystemClock, type ScheduledCall } from '../../core/clock.ts'
import { HotwellError } from '../../core/errors.ts'
import type { SyncRecord } from '../model/record.ts'
import { type BatchBufferStats, BufferCounts, type FlushReason } from './buffer-counts.ts'
import { checkAmounts, checkCounts } from './check-options.ts'
import { CollectedRecords, type RecordBatch } from './collected-records.ts'

export interface BatchBufferOptions {
  /**
   * Writes a batch, of all kinds at once. The next one comes when it has resolved. When it throws or rejects, the buffer
   * is at its end: what is worth another try is tried again in here.
   */
  flush: (batch: RecordBatch) => unknown
  /** So many elements are a full batch. @default 100 */
  elements?: number
  /** So many changes of attributes are. @default 500 */
  attributes?: number
  /** So many relations are. @default 200 */
  relations?: number
  /**
   * From this share of a full batch on it is flushed; what is left has room while it is being written. Above 0, at most 1.
   * @default 0.8
   */
  flushAt?: number
  /** A record waits at most this long before the flush begins, unless another one is under way. @default 2 */
  flushSeconds?: number
  /** What may be in the buffer and on its way out together; a flush begins at half of it. @default 64 */
  maxBufferedMegabytes?: number
  clock?: Clock
}

const megabyte = 1024 * 1024

/**
 * Collects records into batches. One flush takes all kinds, so that what was flushed is always all that came up to some
 * record, and none behind it. `close()` it at the end: its timer keeps no process alive.
 */
export class BatchBuffer {
  readonly #flush: (batch: RecordBatch) => unknown
  readonly #full: { readonly elements: number; readonly attributes: number; readonly relations: number }
  readonly #flushAt: number
  readonly #flushMs: number
  readonly #maxBytes: number
  readonly #clock: Clock
  readonly #counts = new BufferCounts()
  #collected = new CollectedRecords()
  #oldestAt = 0
  #timer: ScheduledCall | undefined
  /** Resolves, whatever comes of the flush that is under way. */
  #writing: Promise<void> | undefined
  #writingBytes = 0
  /** Numbers records in the order they came. */
  #added = 0
  #written = 0
  #failure: { readonly error: unknown; readonly batch: RecordBatch } | undefined
  #closing: Promise<void> | undefined

  /** @throws HotwellError `invalid_configuration` */
  constructor(options: BatchBufferOptions) {
    const { flush, elements = 100, attributes = 500, relations = 200, clock = createSystemClock() } = options
    const { flushAt = 0.8, flushSeconds = 2, maxBufferedMegabytes = 64 } = options
    checkCounts('A batch buffer', { elements, attributes, relations })
    checkAmounts('A batch buffer', { flushAt, flushSeconds, maxBufferedMegabytes })
    if (flushAt > 1)
      throw new HotwellError('invalid_configuration', `A batch buffer: flushAt is at most 1, not ${flushAt}.`)
    this.#flush = flush
    this.#full = { elements, attributes, relations }
    this.#flushAt = flushAt
    this.#flushMs = flushSeconds * 1000
    this.#maxBytes = maxBufferedMegabytes * megabyte
    this.#clock = clock
  }

  /**
   * Takes a record. Returns a promise only where there is no room for another one; it resolves when there is. A caller
   * who waits for it never has more than one record beyond the bounds.
   * @throws what a flush failed of, as a rejection; the record was not taken if the flush had failed before
   * @throws HotwellError `closed`, as a rejection
   */
  add(record: SyncRecord): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure.error)
    if (this.#closing)
      return Promise.reject(new HotwellError('closed', 'The batch buffer has been closed and takes no more records.'))
    if (this.#collected.count === 0) this.#begin()
    this.#collected.put(record)
    this.#added++
    this.#counts.added++
    this.#flushIfDue()
    if (!this.#isFull()) return undefined
    this.#counts.waits++
    return this.#room()
  }

  /**
   * Resolves when everything added so far is written.
   * @throws what a flush failed of
   */
  async flush(): Promise<void> {
    const through = this.#added
    while (!this.#failure && this.#written < through) {
      if (!this.#writing) this.#write('asked')
      await this.#writing
    }
    if (this.#failure) throw this.#failure.error
  }

  /**
   * Flushes what is left and takes no more. Idempotent.
   * @throws what a flush failed of, also if somebody has been told before
   */
  close(): Promise<void> {
    this.#closing ??= this.flush()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What no flush has written: after a failure the batch that it failed of, which may be written in part, included. */
  unflushed(): RecordBatch {
    const all = new CollectedRecords()
    if (this.#failure) all.putAll(this.#failure.batch)
    all.putAll(this.#collected.toBatch())
    return all.toBatch()
  }

  stats(): BatchBufferStats {
    const { count, bytes } = this.#collected
    return this.#counts.stats({ buffered: count, bytes: bytes + this.#writingBytes })
  }

  /** The first record of a batch comes. */
  #begin(): void {
    this.#oldestAt = this.#clock.monotonic()
    this.#timer = this.#clock.schedule(() => this.#flushIfDue(), this.#flushMs)
  }

  #flushIfDue(): void {
    if (this.#writing || this.#failure || this.#collected.count === 0) return
    const reason = this.#dueFor()
    if (reason) this.#write(reason)
  }

  #dueFor(): FlushReason | undefined {
    if (this.#holds(this.#flushAt)) return 'full'
    if (this.#collected.bytes >= this.#maxBytes / 2) return 'bytes'
    // What rounding leaves of a timer's delay.
    return this.#clock.monotonic() - this.#oldestAt >= this.#flushMs - 1 ? 'age' : undefined
  }

  #isFull(): boolean {
    return this.#holds(1) || this.#collected.bytes + this.#writingBytes >= this.#maxBytes
  }

  #holds(share: number): boolean {
    const { elements, attributes, relations } = this.#full
    const held = this.#collected
    return (
      held.elements >= share * elements || held.attributes >= share * attributes || held.relations >= share * relations
    )
  }

  async #room(): Promise<void> {
    while (this.#writing && this.#isFull()) await this.#writing
    if (this.#failure) throw this.#failure.error
  }

  #write(reason: FlushReason): void {
    this.#timer?.cancel()
    const collected = this.#collected
    const through = this.#added
    const startedAt = this.#clock.monotonic()
    this.#collected = new CollectedRecords()
    this.#writingBytes = collected.bytes
    const batch = collected.toBatch()
    this.#counts.begun(reason, batch, startedAt - this.#oldestAt)
    const ended = (failed: boolean) => {
      this.#counts.ended(this.#clock.monotonic() - startedAt, failed)
      this.#writing = undefined
      this.#writingBytes = 0
    }
    this.#writing = Promise.resolve(batch)
      .then(this.#flush)
      .then(
        () => {
          ended(false)
          this.#written = through
          // What has come meanwhile may be due already.
          this.#flushIfDue()
        },
        error => {
          ended(true)
          this.#failure = { error, batch }
          this.#timer?.cancel()
        },
      )
  }
}
