import { HotwellError } from '../../core/errors.ts'
import { jsonBytes } from '../cache/json-bytes.ts'
import { BatchBuilder, rowOf } from '../engine/batch-builder.ts'
import { idOf } from '../engine/prepare.ts'
import { checkRecord, RecordError } from '../model/check-record.ts'
import { type AttributeChange, isAttributeChange, isRelation, type Relation, type SyncRecord } from '../model/record.ts'
import type { Batch, DeadLetter } from '../model/rows.ts'
import { type Applied, runLane, type TargetConnection } from '../target.ts'

/** What a transaction has changed. */
export interface Committed extends Omit<Applied, 'refused'> {
  /** Relations that had waited for an end, and whose ends are there now. */
  readonly promoted: number
}

const maxRecordBytes = 8 * 1024 * 1024

/** The claim of each connection that a transaction has used: one that claimed again would push its own others out. */
const claims = new WeakMap<TargetConnection, Promise<unknown>>()

/**
 * Writes to a target without a sync: collects elements, changes of attributes, relations and deletes, then applies all of
 * them or none. What it writes belongs to the name that the connection was opened with; use one that no sync has, because
 * the first commit over a connection ends whatever else writes under its name.
 *
 * ```ts
 * const connection = await sqlite('plant.db').connect('by-hand')
 * const transaction = new BatchTransaction(connection)
 * transaction.put({ id: 'p1', type: 'pump', name: 'Feed pump', attributes: { kw: 15 } })
 * await transaction.commit()
 * await connection.settle() // after the last one: indexes
 * await connection.close()
 * ```
 */
export class BatchTransaction {
  readonly #connection: TargetConnection
  readonly #builder = new BatchBuilder()
  #state: 'open' | 'committing' | 'failed' | 'committed' | 'rolled back' = 'open'
  #batch: Batch | undefined

  constructor(connection: TargetConnection) {
    this.#connection = connection
  }

  /**
   * Any record: an element, a change of attributes, a relation; one with `deleted` is deleted. Of several for one id the
   * last one wins, and changes are merged.
   * @throws HotwellError `invalid_request` for what no target can take; `conflict` after `commit` or `rollback`
   */
  put(given: SyncRecord): this {
    this.#use('put')
    const record = checked(given)
    if (isRelation(record)) {
      if (record.deleted) this.#builder.deleteRelation(record)
      else this.#builder.putRelation(record)
    } else if (isAttributeChange(record)) this.#change(record)
    else if (record.deleted) this.#builder.deleteElement(record.id)
    else this.#builder.putElement(rowOf(record))
    return this
  }

  /** As {@link put}, by name. The attributes that the change does not name stay as they are; `null` removes one. */
  changeAttributes(element: string, attributes: AttributeChange['attributes']): this {
    return this.put({ element, attributes })
  }

  /** As {@link put} of one that is `deleted`. Its relations go with it. One that is not there is no error. */
  deleteElement(id: string): this {
    return this.put({ id, type: '', name: '', attributes: {}, deleted: true })
  }

  /** As {@link put} of one that is `deleted`. */
  deleteRelation({ from, type, to }: Relation): this {
    return this.put({ from, type, to, deleted: true })
  }

  /** Of what was collected, about. */
  get bytes(): number {
    return this.#builder.bytes
  }

  /**
   * Applies all in one transaction of the target. When it rejects, the target has nothing of it (if only the answer was
   * lost, all of it): it may be tried again as it is, or rolled back.
   * @throws HotwellError `conflict` when the target refuses a record, with all that it refuses in `details.refused`, or
   * when it was committed or rolled back before; `superseded` when somebody else has claimed the name since;
   * `target_unavailable`
   */
  async commit(): Promise<Committed> {
    if (this.#state !== 'failed') this.#use('commit')
    this.#state = 'committing'
    this.#batch ??= this.#builder.take()
    try {
      const committed = await this.#apply(this.#batch)
      this.#state = 'committed'
      this.#batch = undefined
      return committed
    } catch (error) {
      this.#state = 'failed'
      throw error
    }
  }

  /**
   * Drops everything.
   * @throws HotwellError `conflict` when it is being or was committed, or rolled back before
   */
  rollback(): void {
    if (this.#state !== 'failed') this.#use('roll back')
    this.#drop()
  }

  /** Drops what was not committed. */
  [Symbol.dispose](): void {
    if (this.#state === 'open' || this.#state === 'failed') this.#drop()
  }

  #drop(): void {
    this.#state = 'rolled back'
    this.#builder.take()
    this.#batch = undefined
  }

  #use(what: string): void {
    if (this.#state === 'open') return
    const done = { committing: 'is being committed', committed: 'was committed', failed: 'failed to commit' }
    const state = this.#state === 'rolled back' ? 'was rolled back' : done[this.#state]
    const message = `This batch transaction ${state}; nobody can ${what} with it any more. Make another one.`
    throw new HotwellError('conflict', message)
  }

  #change(change: AttributeChange): void {
    if (!this.#builder.changeAttributes(change))
      throw invalid('Its attributes cannot be changed: the same transaction deletes it.', change.element)
  }

  async #apply(batch: Batch): Promise<Committed> {
    if (Object.values(batch).every(rows => rows.length === 0)) return nothing
    await claimOnce(this.#connection)
    return this.#connection.transaction(runLane, async transaction => {
      const { refused, ...applied } = await transaction.apply(batch)
      if (refused.length > 0) throw refusal(refused)
      const promoted = batch.elements.length > 0 ? await transaction.promotePending() : 0
      return { ...applied, promoted }
    })
  }
}

const nothing: Committed = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, pending: 0, promoted: 0 }

function claimOnce(connection: TargetConnection): Promise<unknown> {
  const former = claims.get(connection)
  if (former) return former
  const claim = connection.claim()
  claims.set(connection, claim)
  claim.catch(() => claims.delete(connection))
  return claim
}

function checked(given: SyncRecord): SyncRecord {
  try {
    const record = checkRecord(given)
    const bytes = jsonBytes(record)
    if (bytes > maxRecordBytes)
      throw new RecordError(`It has about ${bytes} bytes; the most is ${maxRecordBytes}.`, idOf(record))
    return record
  } catch (error) {
    if (error instanceof RecordError) throw invalid(error.message, error.id)
    throw error
  }
}

function invalid(message: string, id: string | undefined): HotwellError {
  const which = id === undefined ? 'A record' : `The record ${JSON.stringify(id)}`
  return new HotwellError('invalid_request', `${which} cannot be put. ${message}`)
}

function refusal(refused: readonly DeadLetter[]): HotwellError {
  const [{ kind, key, reason }] = refused as readonly [DeadLetter]
  const others = refused.length > 1 ? ` So it is with ${refused.length - 1} more.` : ''
  const message = `Nothing was committed: the target refuses the ${kind} ${JSON.stringify(key)}. ${reason}${others}`
  return new HotwellError('conflict', message, { details: { refused } })
}
