import type { Batch } from '../../model/rows.ts'
import {
  type Applied,
  type Reading,
  runLane,
  type SeenKeys,
  type SplitWritten,
  type StagedRow,
  type TargetTransaction,
} from '../../target.ts'
import type { BatchHabit } from './batch-habit.ts'
import { type SqliteSide, type SqliteWork, type Step, type StepName, step } from './sqlite-steps.ts'

/**
 * A transaction that somebody else executes: what has no answer goes with the next that has one, or with the commit. So
 * the way to another thread and back is gone twice for most of them.
 */
export class SqliteTransaction implements TargetTransaction {
  /** Records that were to be applied. */
  records = 0
  readonly #side: SqliteSide
  readonly #unsent: Step[]
  #isBegun = false
  /** What the lanes' texts become when it is committed. */
  readonly #saved: Map<number, string>

  readonly #habit: BatchHabit | undefined

  constructor(
    side: SqliteSide,
    {
      lane,
      epoch,
      saved,
      habit,
    }: { lane: number; epoch: number; saved: ReadonlyMap<number, string>; habit?: BatchHabit | undefined },
  ) {
    this.#side = side
    this.#habit = habit
    this.#unsent = [step('lock', lane, epoch)]
    this.#saved = new Map(saved)
  }

  /** Begins it at once, which otherwise its first question does. */
  lock(): Promise<string | undefined> {
    return this.#send() as Promise<string | undefined>
  }

  async apply(batch: Batch, reading?: Reading): Promise<Applied> {
    this.records += batch.elements.length + batch.relations.length
    const expected = this.#habit?.expected(batch)
    if (expected) {
      await this.#later('applyExpecting', batch, expected, reading)
      return expected
    }
    const applied = await this.#ask('apply', batch, reading)
    this.#habit?.learn(batch, applied)
    return applied
  }

  writeSplit(fullPass: number, after: string | undefined): Promise<SplitWritten> {
    return this.#ask('writeSplit', fullPass, after)
  }

  forgetHashes(ids: readonly string[]): Promise<void> {
    return this.#later('forgetHashes', ids)
  }

  countElementsIn(range: Parameters<TargetTransaction['countElementsIn']>[0]) {
    return this.#ask('countElementsIn', range)
  }

  ownElementsIn(range: Parameters<TargetTransaction['ownElementsIn']>[0]) {
    return this.#ask('ownElementsIn', range)
  }

  save(lane: number, text: string): Promise<void> {
    this.#saved.set(lane, text)
    return this.#later('save', lane, text)
  }

  makeLanes(count: number): Promise<void> {
    for (const lane of this.#saved.keys()) if (lane !== runLane) this.#saved.delete(lane)
    for (let lane = 0; lane < count; lane++) this.#saved.set(lane, '')
    return this.#later('makeLanes', count)
  }

  saveSeen(lane: number, number: number, keys: Uint8Array): Promise<void> {
    return this.#later('saveSeen', lane, number, keys)
  }

  readSeen(after: { lane: number; number: number } | undefined, limit: number): Promise<readonly SeenKeys[]> {
    return this.#ask('readSeen', after, limit)
  }

  stage(...args: Parameters<TargetTransaction['stage']>): Promise<void> {
    return this.#later('stage', ...args)
  }

  unstage(what: Parameters<TargetTransaction['unstage']>[0]): Promise<void> {
    return this.#later('unstage', what)
  }

  deleteStaged(rows: readonly StagedRow[]) {
    return this.#ask('deleteStaged', rows)
  }

  promotePending(): Promise<number> {
    return this.#ask('promotePending')
  }

  cycles(...args: Parameters<TargetTransaction['cycles']>): Promise<void> {
    return this.#later('cycles', ...args)
  }

  deadLetters(...args: Parameters<TargetTransaction['deadLetters']>): Promise<void> {
    return this.#later('deadLetters', ...args)
  }

  /** Returns what is saved for the lanes from now on. */
  async commit(): Promise<ReadonlyMap<number, string>> {
    this.#unsent.push(step('commit'))
    await this.#send()
    return this.#saved
  }

  async rollback(): Promise<void> {
    if (this.#isBegun) await this.#side.run([step('rollback')])
  }

  #ask<Name extends StepName>(name: Name, ...args: Parameters<SqliteWork[Name]>): ReturnType<SqliteWork[Name]> {
    this.#unsent.push(step(name, ...args))
    return this.#send() as ReturnType<SqliteWork[Name]>
  }

  async #later<Name extends StepName>(name: Name, ...args: Parameters<SqliteWork[Name]>): Promise<void> {
    this.#unsent.push(step(name, ...args))
  }

  #send(): Promise<unknown> {
    this.#isBegun = true
    return this.#side.run(this.#unsent.splice(0))
  }
}
