import { isHotwellError } from '../../src/core/errors.ts'
import type { Batch, ElementRow } from '../../src/sync/model/rows.ts'
import type { Target, TargetConnection, TargetTransaction } from '../../src/sync/target.ts'
import type { MemoryTarget } from '../../src/testing/memory-target.ts'
import type { TargetSubject } from '../../src/testing/sync-target-subject.ts'
import { memorySubject } from './contract-subjects.ts'

/** What a target does otherwise than it promises. */
export interface Fault {
  connection?(inner: TargetConnection, target: MemoryTarget): Partial<TargetConnection>
  transaction?(inner: TargetTransaction, target: MemoryTarget): Partial<TargetTransaction>
}

export const nothing: Batch = { elements: [], attributes: [], deletedElements: [], relations: [], deletedRelations: [] }

export const spoil = (row: ElementRow): ElementRow => ({ ...row, name: '\0' })

/** It has the fault; rows that were {@link spoil}ed it refuses. */
export function brokenSubject(fault: Fault): TargetSubject {
  const { target: memory, ...subject } = memorySubject()
  const target: Target = {
    name: 'broken',
    preferredBatch: 4,
    preferredLanes: 1,
    async connect(sync) {
      const connection = await memory.connect(sync)
      const whole = over(connection, {
        transaction: (lane, work) =>
          connection.transaction(lane, (transaction, saved) => {
            const refusing = over(transaction, { apply: (batch, reading) => applyTaken(transaction, batch, reading) })
            return work(over(refusing, fault.transaction?.(refusing, memory)), saved)
          }),
      } satisfies Partial<TargetConnection>)
      return over(whole, fault.connection?.(whole, memory))
    },
  }
  return { ...subject, target }
}

async function applyTaken(inner: TargetTransaction, batch: Batch, reading: Parameters<TargetTransaction['apply']>[1]) {
  const isBad = ({ name }: Batch['elements'][number]) => name === '\0'
  const applied = await inner.apply({ ...batch, elements: batch.elements.filter(row => !isBad(row)) }, reading)
  const letters = batch.elements
    .filter(isBad)
    .map(({ id }) => ({ kind: 'element' as const, key: id, reason: 'It is bad.' }))
  return { ...applied, refused: [...applied.refused, ...letters] }
}

/** The methods given, and the others of the one below. */
function over<T extends object>(inner: T, methods: Partial<T> = {}): T {
  return new Proxy(inner, {
    get(_, name) {
      const own = Reflect.get(methods, name)
      if (own !== undefined) return own
      const value = Reflect.get(inner, name)
      return typeof value === 'function' ? value.bind(inner) : value
    },
  })
}

export function changing(change: (batch: Batch) => Batch): Fault {
  return { transaction: inner => ({ apply: (batch, reading) => inner.apply(change(batch), reading) }) }
}

/** A part of what failed is committed nevertheless. */
export function afterFailure(
  repeat: (failed: { batch: Batch; position: [number, string] }, inner: TargetTransaction) => Promise<unknown>,
): Fault {
  return {
    connection: inner => ({
      async transaction(lane, work) {
        let batch = nothing
        let position: [number, string] | undefined
        try {
          return await inner.transaction(lane, (transaction, saved) => {
            const apply: TargetTransaction['apply'] = (given, reading) => transaction.apply((batch = given), reading)
            const save: TargetTransaction['save'] = (...given) => transaction.save(...(position = given))
            return work(over(transaction, { apply, save }), saved)
          })
        } catch (error) {
          const failed = position
          if (failed) await inner.transaction(lane, transaction => repeat({ batch, position: failed }, transaction))
          throw error
        }
      },
    }),
  }
}

/** Whoever was superseded claims again, and writes. */
export function unfenced(): Fault {
  return {
    connection: inner => ({
      transaction: (lane, work) =>
        inner.transaction(lane, work).catch(async error => {
          if (!isHotwellError(error, 'superseded')) throw error
          await inner.claim()
          return inner.transaction(lane, work)
        }),
    }),
  }
}
