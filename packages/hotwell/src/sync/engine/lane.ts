import type { Clock } from '../../core/clock.ts'
import { HotwellError } from '../../core/errors.ts'
import type { Batch, DeadLetter } from '../model/rows.ts'
import type { BatchFailed, BatchWritten } from '../sync-events.ts'
import type { OwnElement, Reading, TargetConnection, TargetTransaction } from '../target.ts'
import { BatchBuilder } from './batch-builder.ts'
import type { CoveredRange } from './id-order.ts'
import { KeyWriter } from './key-set.ts'
import { addCounts, type Counts, type LaneState, noCounts, type OrderState } from './sync-state.ts'
import { toldOf } from './told-error.ts'

/** What one transaction of a lane writes. */
interface Cut extends PageEnd {
  readonly latestAt: number | undefined
  readonly order: OrderState | undefined
  /** Without what the target will say. */
  readonly counts: Counts
  readonly batch: Batch
  readonly keys: Uint8Array
  readonly letters: readonly DeadLetter[]
  readonly range: CoveredRange | undefined
  readonly bytes: number
  /** When its first record came; monotonic. */
  readonly sinceMs: number
}

/** Where pages have got to. */
export interface PageEnd {
  readonly page: number
  readonly position: string | undefined
  readonly digest: string
}

export interface LaneContext {
  readonly connection: TargetConnection
  readonly run: string
  readonly pass: number
  /** When it was begun; wall clock, ms. */
  readonly begunAt: number
  readonly reading: Reading
  /** The full pass before this one whose candidates are still on the list. */
  readonly formerPass: number
  /** Runs a piece of work again while the target is away. */
  readonly patiently: <T>(work: () => Promise<T>) => Promise<T>
  /** Whether an element of the target is one that the run is about. */
  readonly takesOwn: (element: OwnElement) => boolean
  /** Whether elements are left out for what they are: then changes of unknown elements' attributes are of such. */
  readonly leavesOut: boolean
  /** Whether records that cannot be taken are put aside; otherwise they end the run. */
  readonly continueOnError: boolean
  readonly clock: Clock
  readonly wrote: (written: BatchWritten, pending: number) => void
  readonly failed: (failed: BatchFailed) => void
}

/** So many transactions of a lane may be made and not written: one of them is being written. */
const mostUnwritten = 2

/**
 * One of the write connections: it gets the records of some ids, all of them and in order, and writes them in
 * transactions that follow each other, each with the position that it covers.
 */
export class Lane {
  readonly number: number
  readonly builder = new BatchBuilder()
  readonly keys = new KeyWriter()
  readonly letters: DeadLetter[] = []
  /** Since the last cut. */
  counts: Counts = { ...noCounts }
  latestAt: number | undefined
  /** All of its records up to this page are in transactions. */
  #page: number
  #written: LaneState
  readonly #context: LaneContext
  /** In the order in which they are written. */
  readonly #unwritten: Promise<void>[] = []
  #bytes = 0

  constructor(number: number, state: LaneState, context: LaneContext) {
    this.number = number
    this.#page = state.page
    this.#written = state
    this.latestAt = state.latestAt
    this.#context = context
  }

  /** It has all of its records up to this page. */
  get page(): number {
    return this.#page
  }

  /** As it is at the target. */
  get state(): LaneState {
    return this.#written
  }

  /** In transactions that are not written yet. */
  get bytes(): number {
    return this.#bytes
  }

  /** A record says when it was modified; the future is none of it, or it would hide all that is modified until then. */
  note(modifiedAt: number | undefined): void {
    if (modifiedAt === undefined || modifiedAt > this.#context.begunAt) return
    if (modifiedAt > (this.latestAt ?? Number.NEGATIVE_INFINITY)) this.latestAt = modifiedAt
  }

  /** Ends a transaction: what came so far, up to the end of a page. It is written in its turn. */
  cut(end: PageEnd, sinceMs: number, range?: CoveredRange, order?: OrderState): void {
    if (end.page <= this.#page) return
    this.#page = end.page
    const { counts, latestAt, builder } = this
    const { bytes } = builder
    const letters = this.letters.splice(0)
    const content = { batch: builder.take(), keys: this.keys.take(), letters, range, bytes, sinceMs }
    const cut: Cut = { ...end, latestAt, order, counts, ...content }
    this.counts = { ...noCounts }
    this.#bytes += bytes
    const writing = this.written().then(async () => {
      await this.#write(cut)
      this.#unwritten.shift()
      this.#bytes -= bytes
    })
    this.#unwritten.push(writing)
    // Whoever waits for it hears of it.
    writing.catch(() => {})
  }

  /** Resolves when another transaction may be made: the next one is, while one is written. */
  async room(): Promise<void> {
    while (this.#unwritten.length > mostUnwritten) await this.#unwritten[0]
  }

  /** Resolves when all is written; rejects with what writing failed of. */
  async written(): Promise<void> {
    await this.#unwritten.at(-1)
  }

  async #write(cut: Cut): Promise<void> {
    const { connection, patiently, wrote, failed, clock } = this.#context
    const startedAt = clock.monotonic()
    let attempts = 0
    const written = await patiently(async () => {
      attempts++
      try {
        return await connection.transaction(this.number, async (transaction, saved) => {
          const former = laneState(saved)
          // It was written before, and only the answer was lost.
          if (former?.pass === this.#written.pass && former.page >= cut.page)
            return { state: former, applied: undefined }
          return this.#writeIn(transaction, cut)
        })
      } catch (error) {
        failed({ lane: this.number, records: cut.counts.read, attempt: attempts, ...toldOf(error) })
        throw error
      }
    })
    this.#written = written.state
    if (!written.applied) return
    const { pending, inserted, updated, unchanged, deleted } = written.applied
    const delayMs = startedAt - cut.sinceMs
    const writeMs = clock.monotonic() - startedAt
    const records = cut.counts.read
    const times = { lane: this.number, records, bytes: cut.bytes, delayMs, writeMs, attempts }
    wrote({ ...times, inserted, updated, unchanged, deleted, failed: written.letters.length }, pending)
  }

  async #writeIn(transaction: TargetTransaction, cut: Cut) {
    const { run, pass, reading, leavesOut, continueOnError } = this.#context
    const applied = await transaction.apply(cut.batch, reading)
    if (cut.range) {
      // All that came is there now, so that their number tells whether there is anything else.
      const isAllThere = cut.batch.elements.length === cut.range.present.size && applied.refused.length === 0
      await this.#stage(transaction, cut.range, isAllThere)
    }
    const refused = leavesOut ? applied.refused.filter(({ kind }) => kind !== 'attributes') : applied.refused
    const letters = [...cut.letters, ...refused]
    if (!continueOnError) assertNoLetters(letters)
    if (letters.length > 0) await transaction.deadLetters(run, letters)
    if (cut.keys.length > 0) await transaction.saveSeen(this.number, cut.page, cut.keys)
    const { page, position, digest, latestAt, order } = cut
    const { inserted, updated, unchanged, deleted, pending } = applied
    const filtered = applied.refused.length - refused.length
    const failed = letters.length
    const own = addCounts(cut.counts, { inserted, updated, unchanged, deleted, pending, failed, filtered })
    const counts = addCounts(this.#written.counts, own)
    const state: LaneState = { pass, page, position, digest, counts, latestAt, order }
    await transaction.save(this.number, JSON.stringify(state))
    return { state, applied, letters }
  }

  /** What the target has within a range that the pages cover, and the pages have not. */
  async #stage(transaction: TargetTransaction, range: CoveredRange, isAllThere: boolean): Promise<void> {
    const { pass, formerPass, takesOwn } = this.#context
    if (isAllThere && (await transaction.countElementsIn(range)) === range.present.size) return
    const own = await transaction.ownElementsIn(range)
    const absent = own.filter(element => !range.present.has(element.id) && takesOwn(element))
    const rows = absent.map(({ id, hash }) => ({ kind: 'element' as const, element: id, hash }))
    if (rows.length > 0) await transaction.stage(rows, pass, formerPass)
  }
}

/** @throws HotwellError `source_failed` with the reason of the first one */
export function assertNoLetters(letters: readonly DeadLetter[]): void {
  const [first] = letters
  if (!first) return
  const more = letters.length > 1 ? ` So it is with ${letters.length - 1} more.` : ''
  throw new HotwellError(
    'source_failed',
    `The ${first.kind} ${first.key} cannot be taken: ${first.reason}${more} The strategy says not to continue on errors.`,
    { retryable: false, details: { kind: first.kind, key: first.key } },
  )
}

export function laneState(saved: string | undefined): LaneState | undefined {
  return saved ? (JSON.parse(saved) as LaneState) : undefined
}
