import { Histogram } from '../../core/histogram.ts'
import type { RecordBatch } from './collected-records.ts'

/** Why a flush began: enough records, enough bytes, old enough, or somebody asked (`flush`, `close`). */
export type FlushReason = 'full' | 'bytes' | 'age' | 'asked'

export interface Distribution {
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly max: number
}

/** Since the buffer was made; `buffered` and `bytes` are as of now. */
export interface BatchBufferStats {
  readonly added: number
  /** Given to flushes. Less than were added where several were for one thing. */
  readonly flushed: { readonly elements: number; readonly attributes: number; readonly relations: number }
  readonly flushes: number
  readonly flushesFor: Readonly<Record<FlushReason, number>>
  /** 0 or 1: a flush that fails is the last one. */
  readonly failures: number
  /** So many records a flush. */
  readonly sizes: Distribution
  /** How long the oldest record of a batch had waited when its flush began, in ms. */
  readonly delayMs: Distribution
  /** How long flushes took, in ms. */
  readonly flushMs: Distribution
  /** So often whoever added had to wait. */
  readonly waits: number
  readonly buffered: number
  /** Of JSON, about; what is being written included. */
  readonly bytes: number
}

export class BufferCounts {
  added = 0
  waits = 0
  #failures = 0
  readonly #flushed = { elements: 0, attributes: 0, relations: 0 }
  readonly #reasons: Record<FlushReason, number> = { full: 0, bytes: 0, age: 0, asked: 0 }
  readonly #sizes = new Histogram({ lowest: 1 })
  readonly #delayMs = new Histogram()
  readonly #flushMs = new Histogram()

  begun(reason: FlushReason, { elements, attributes, relations }: RecordBatch, delayMs: number): void {
    this.#reasons[reason]++
    this.#flushed.elements += elements.length
    this.#flushed.attributes += attributes.length
    this.#flushed.relations += relations.length
    this.#sizes.record(elements.length + attributes.length + relations.length)
    this.#delayMs.record(Math.max(0, delayMs))
  }

  ended(tookMs: number, failed: boolean): void {
    if (failed) this.#failures++
    this.#flushMs.record(Math.max(0, tookMs))
  }

  stats(now: Pick<BatchBufferStats, 'buffered' | 'bytes'>): BatchBufferStats {
    return {
      added: this.added,
      flushed: { ...this.#flushed },
      flushes: this.#sizes.count,
      flushesFor: { ...this.#reasons },
      failures: this.#failures,
      sizes: distributionOf(this.#sizes),
      delayMs: distributionOf(this.#delayMs),
      flushMs: distributionOf(this.#flushMs),
      waits: this.waits,
      ...now,
    }
  }
}

function distributionOf(histogram: Histogram): Distribution {
  const { mean, max } = histogram
  return { mean, p50: histogram.percentile(0.5), p95: histogram.percentile(0.95), max }
}
