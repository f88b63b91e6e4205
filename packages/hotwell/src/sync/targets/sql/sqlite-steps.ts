import type { Batch, ElementRow } from '../../model/rows.ts'
import type { Applied, Claim, Reading, TargetTransaction } from '../../target.ts'

/** All that is done with one connection to a file, whichever thread it is in. */
export interface SqliteWork extends TargetTransaction {
  /** Takes the write lock. */
  begin(): Promise<void>
  /** Begins the transaction of a lane, with the saved text as the answer. */
  lock(lane: number, epoch: number): Promise<string | undefined>
  /**
   * As `apply`, where the answer is known already.
   * @throws an error with the name {@link otherThanExpected} when it would be another one
   */
  applyExpecting(batch: Batch, expected: Applied, reading?: Reading): Promise<void>
  claim(): Promise<Claim>
  settle(): Promise<void>
  commit(): Promise<void>
  /** Where there is a transaction. */
  rollback(): Promise<void>
}

export const otherThanExpected = 'OtherThanExpected'

export type StepName = keyof SqliteWork

/** One thing that is to be done, as data. */
export interface Step<Name extends StepName = StepName> {
  readonly name: Name
  readonly args: Parameters<SqliteWork[Name]>
}

/** Whoever does what is asked of a connection: this thread, or another one. */
export interface SqliteSide {
  /** Does them one after another up to the first that fails. Resolves to the last answer that there was. */
  run(steps: readonly Step[]): Promise<unknown>
}

export function step<Name extends StepName>(name: Name, ...args: Parameters<SqliteWork[Name]>): Step {
  return { name, args } as unknown as Step
}

const fields = 8

/**
 * A batch as it crosses between threads: the values of all elements in one list, which is copied at a third of the price
 * of as many objects.
 */
export interface PackedBatch extends Omit<Batch, 'elements'> {
  readonly values: readonly (string | number | null)[]
  /** The places of elements that have changes, and these, as JSON: as objects they would cost several times as much. */
  readonly changed: readonly number[]
  readonly changes: string
}

export function packed({ elements, ...others }: Batch): PackedBatch {
  const values: (string | number | null)[] = []
  const changed: number[] = []
  const changes: ElementRow['changes'][] = []
  for (let place = 0; place < elements.length; place++) {
    const row = elements[place]!
    const { id, type, name, ownerId, attributes, modifiedAt, hash, bytes } = row
    values.push(id, type, name, ownerId, attributes, modifiedAt, hash, bytes)
    if (!row.changes) continue
    changed.push(place)
    changes.push(row.changes)
  }
  return { ...others, values, changed, changes: changes.length > 0 ? JSON.stringify(changes) : '' }
}

export function unpacked({ values, changed, changes, ...others }: PackedBatch): Batch {
  const elements: ElementRow[] = []
  for (let at = 0; at < values.length; at += fields) {
    elements.push({
      id: values[at],
      type: values[at + 1],
      name: values[at + 2],
      ownerId: values[at + 3],
      attributes: values[at + 4],
      modifiedAt: values[at + 5],
      hash: values[at + 6],
      bytes: values[at + 7],
    } as ElementRow)
  }
  if (changed.length > 0) {
    const all = JSON.parse(changes) as ElementRow['changes'][]
    for (const [number, place] of changed.entries()) Object.assign(elements[place]!, { changes: all[number] })
  }
  return { ...others, elements }
}
