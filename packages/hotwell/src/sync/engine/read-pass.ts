import { setImmediate as othersTurn } from 'node:timers/promises'
import { canonicalJson } from '../model/canonical-json.ts'
import type { SyncFilter } from '../model/filter.ts'
import { type Element, isAttributeChange, isRelation, type SyncRecord } from '../model/record.ts'
import { relationKey } from '../model/rows.ts'
import type { Source, SourcePage, UnreadableRecord } from '../source.ts'
import { rowOf } from './batch-builder.ts'
import { Digest } from './digest.ts'
import { IdOrder } from './id-order.ts'
import { hashOfKey } from './key-set.ts'
import { Lane, type LaneContext } from './lane.ts'
import { idOf, type Kept, type Prepared, type PrepareOptions, prepare } from './prepare.ts'
import type { LaneState } from './sync-state.ts'

/** A larger page would keep the thread busy for long: the target's answers wait meanwhile, and so does whatever else runs. */
const mostPageRecords = 500
/** In ms; then whatever else waits for the thread has its turn. */
const longestTurnMs = 1

/** How a pass reads and writes. */
export interface PassOptions {
  /** So many records a transaction, about: it ends with a page. */
  readonly batchRecords: number
  /** In all buffers and transactions that are not written yet. */
  readonly maxBufferedBytes: number
  /** A record waits at most this long in a buffer, in ms, while pages come. */
  readonly flushMs: number
}

export interface PassContext extends LaneContext {
  readonly source: Source
  readonly filter: SyncFilter
  readonly prepare: PrepareOptions
  readonly options: PassOptions
  /** Full: what the source does not have is to be deleted. */
  readonly collectsAbsent: boolean
  /** Resolves when the run may go on; rejects when it is to end. */
  readonly turn: (pausing?: () => void) => Promise<void>
  readonly signal: AbortSignal
  readonly arrived: (page: SourcePage, times: { readMs: number; prepareMs: number }) => void
}

/** One reading of the source, from the lanes' positions on. Pages that a lane has already are skipped by it. */
export class Pass {
  readonly #context: PassContext
  readonly #lanes: readonly Lane[]
  readonly #order: IdOrder
  readonly #digest: Digest
  /** What the lanes that were ahead had met, by page. */
  readonly #expected: ReadonlyMap<number, string>
  #page: number
  #position: string | undefined
  /** In the middle of a page: what it holds so far is not to be written. */
  #isTaking = false
  /** Since the last cut. */
  #records = 0
  /** When the first of these came; monotonic. */
  #sinceMs: number

  constructor(context: PassContext, states: readonly LaneState[]) {
    this.#context = context
    this.#lanes = states.map((state, number) => new Lane(number, state, context))
    const last = states.reduce((least, state) => (state.page < least.page ? state : least))
    this.#page = last.page
    this.#position = last.position
    this.#digest = new Digest(last.digest)
    this.#order = new IdOrder(states[0]!.order, states[0]!.page)
    this.#expected = new Map(states.map(({ page, digest }) => [page, digest]))
    this.#sinceMs = context.clock.monotonic()
  }

  /** As they are at the target. */
  get states(): readonly LaneState[] {
    return this.#lanes.map(lane => lane.state)
  }

  /**
   * Reads to the end and writes. Nothing is under way any more when it resolves or rejects.
   * @returns false when the pages are not those that a lane had read before: then everything has to be read anew
   */
  async read(): Promise<boolean> {
    try {
      return await this.#read()
    } catch (error) {
      // Whole pages that came before it are kept: a source that fails often would never get further otherwise.
      if (!this.#isTaking) this.#cut()
      throw error
    } finally {
      await Promise.allSettled(this.#lanes.map(lane => lane.written()))
    }
  }

  async #read(): Promise<boolean> {
    const { source, filter, options, signal, arrived, turn, clock } = this.#context
    const pageBytes = Math.ceil(options.maxBufferedBytes / 8)
    const pageRecords = Math.min(options.batchRecords, mostPageRecords)
    const request = { after: this.#position, filter, pageRecords, pageBytes, signal }
    let askedAt = clock.monotonic()
    let turnAt = askedAt
    for await (const page of source.read(request)) {
      const readMs = clock.monotonic() - askedAt
      // What came so far is written meanwhile.
      await turn(() => this.#cut())
      const takenAt = clock.monotonic()
      const isSame = this.#take(page)
      arrived(page, { readMs, prepareMs: clock.monotonic() - takenAt })
      if (!isSame) return false
      if (this.#isDue()) this.#cut()
      await this.#room()
      askedAt = clock.monotonic()
      if (askedAt - turnAt < longestTurnMs) continue
      // A source that has its pages at hand would let nobody else do anything, the target's answers included.
      await othersTurn()
      askedAt = clock.monotonic()
      turnAt = askedAt
    }
    // A reading that ends before pages that a lane has is another one: what came in their place was taken for them.
    if (this.#lanes.some(lane => lane.page > this.#page)) return false
    this.#cut()
    await Promise.all(this.#lanes.map(lane => lane.written()))
    return true
  }

  /** Returns false when it is not the page that was there before. */
  #take(page: SourcePage): boolean {
    this.#isTaking = true
    const number = ++this.#page
    this.#position = page.position
    if (this.#records === 0) this.#sinceMs = this.#context.clock.monotonic()
    this.#records += page.records.length
    const prepared = page.records.map(given => prepare(given, this.#context.prepare))
    for (const record of page.unreadable ?? []) this.#putUnreadable(record, number)
    this.#meet(prepared, number)
    for (const one of prepared) this.#put(one, number)
    this.#isTaking = false
    const expected = this.#expected.get(number)
    return expected === undefined || this.#lanes.length === 1 || expected === this.#digest.toString()
  }

  /** Remembers which elements are there, so that the others can be deleted. */
  #meet(prepared: readonly Prepared[], page: number): void {
    if (!this.#context.collectsAbsent) return
    const ids: string[] = []
    for (const one of prepared) {
      if ('filtered' in one) continue
      if ('record' in one) {
        if (isElement(one.record)) ids.push(one.record.id)
      } else this.#keep(one.keeps, ids, page)
    }
    if (this.#order.add(page, ids)) return
    for (const id of ids) this.#see(id, id, page)
  }

  #keep(kept: Kept, ids: string[], page: number): void {
    if (kept === 'nothing') return
    if (kept === 'unknown') this.#order.blind()
    else if ('element' in kept) ids.push(kept.element)
    else this.#see(relationKey(kept.relation), kept.relation.from, page)
  }

  #put(prepared: Prepared, page: number): void {
    if ('record' in prepared) {
      this.#putRecord(prepared.record, page)
      return
    }
    const lane = this.#laneOf(('letter' in prepared && prepared.id) || '')
    if (lane.page >= page) return
    lane.counts.read++
    if ('letter' in prepared) lane.letters.push(prepared.letter)
    else lane.counts.filtered++
  }

  #putRecord(record: SyncRecord, page: number): void {
    const isDigested = this.#lanes.length > 1
    const lane = this.#laneOf(idOf(record))
    const isWanted = lane.page < page
    if (isWanted) lane.counts.read++
    if (isElement(record)) {
      const row = rowOf(record)
      if (isDigested) {
        if (record.deleted) this.#digest.add(record.id)
        else this.#digest.addHash(row.hash)
      }
      if (!isWanted) return
      if (record.deleted) lane.builder.deleteElement(record.id)
      else lane.builder.putElement(row)
      lane.note(record.modifiedAt)
    } else if (isRelation(record)) {
      const key = relationKey(record)
      if (isDigested) this.#digest.add(record.deleted ? `-${key}` : key)
      if (!isWanted) return
      if (record.deleted) lane.builder.deleteRelation(record)
      else {
        if (this.#context.collectsAbsent) lane.keys.add(key)
        lane.builder.putRelation(record)
      }
    } else {
      if (isDigested) this.#digest.add(`${record.element}${canonicalJson(record.attributes)}`)
      if (!isWanted) return
      lane.note(record.modifiedAt)
      if (lane.builder.changeAttributes(record)) return
      const reason = 'Its element has been deleted before.'
      lane.letters.push({ kind: 'attributes', key: record.element, reason, record: JSON.stringify(record) })
    }
  }

  #putUnreadable({ place, reason, text }: UnreadableRecord, page: number): void {
    this.#order.blind()
    const lane = this.#lanes[0]!
    if (lane.page >= page) return
    lane.counts.read++
    lane.letters.push({ kind: 'unreadable', key: place, reason, record: text })
  }

  #see(key: string, id: string, page: number): void {
    const lane = this.#laneOf(id)
    if (lane.page < page) lane.keys.add(key)
  }

  #laneOf(id: string): Lane {
    const count = this.#lanes.length
    return this.#lanes[count === 1 ? 0 : hashOfKey(id, 0) % count]!
  }

  #isDue(): boolean {
    const { options, clock } = this.#context
    if (this.#records >= options.batchRecords * this.#lanes.length) return true
    const buffered = this.#lanes.reduce((sum, lane) => sum + lane.builder.bytes, 0)
    return (
      buffered >= options.maxBufferedBytes / 4 ||
      (this.#records > 0 && clock.monotonic() >= this.#sinceMs + options.flushMs)
    )
  }

  /** All kinds at once, in all lanes, at the end of a page: a position covers everything before it. */
  #cut(): void {
    const end = { page: this.#page, position: this.#position, digest: this.#digest.toString() }
    const [first, ...others] = this.#lanes
    if (first!.page < end.page) {
      const range = this.#context.collectsAbsent ? this.#order.take() : undefined
      first!.cut(end, this.#sinceMs, range, this.#order.state)
    }
    for (const lane of others) lane.cut(end, this.#sinceMs)
    this.#records = 0
  }

  /** Waits while too much is on its way; what writing failed of ends the pass. */
  async #room(): Promise<void> {
    for (const lane of this.#lanes) await lane.room()
    const { maxBufferedBytes } = this.#context.options
    const onTheWay = () => this.#lanes.reduce((sum, lane) => sum + lane.bytes, 0)
    if (onTheWay() > maxBufferedBytes / 2) for (const lane of this.#lanes) await lane.written()
  }
}

function isElement(record: SyncRecord): record is Element {
  return !isRelation(record) && !isAttributeChange(record)
}
