import { backoffMs } from '../../core/backoff.ts'
import { sleep } from '../../core/clock.ts'
import { HotwellError, isHotwellError } from '../../core/errors.ts'
import { type CompiledFilter, compileFilter, type SyncFilter } from '../model/filter.ts'
import { type Claim, type OwnElement, runLane, type TargetTransaction } from '../target.ts'
import { type DeleteContext, deleteAbsent } from './delete-absent.ts'
import { joinRecords } from './join-records.ts'
import { laneState } from './lane.ts'
import { tellOwnerCycles } from './owner-cycles.ts'
import { Pass, type PassContext } from './read-pass.ts'
import type { RunContext } from './run-context.ts'
import {
  addCounts,
  type Counts,
  fingerprintOf,
  type LaneState,
  noCounts,
  type RunState,
  runState,
} from './sync-state.ts'

export interface RunOutcome {
  readonly mode: 'full' | 'incremental'
  readonly counts: Counts
  /** Circles of owners that are at the target. */
  readonly cycles: number
  /** Whether it went on where another one had ended. */
  readonly resumed: boolean
  readonly passes: number
}

/** A source that is never the same twice would be read for ever. */
const mostPasses = 20
/** Before a source is read anew for the second time, in ms; then twice as long each time. */
const firstAnewMs = 1000
const longestAnewMs = 30_000
const noDigest = '0'.repeat(16)

/**
 * One run, from the claim to the end; whatever was interrupted before is gone on with. May be killed at any point.
 * @throws HotwellError `superseded` when somebody else has claimed the sync, `deletes_refused`, or whatever ends it
 */
export async function runSync(context: RunContext): Promise<RunOutcome> {
  return new Run(context).run()
}

interface Plan {
  readonly state: RunState
  readonly lanes: readonly LaneState[]
}

class Run {
  readonly #context: RunContext
  readonly #filter: CompiledFilter
  readonly #fingerprint: string
  #passes = 0

  constructor(context: RunContext) {
    this.#context = context
    this.#filter = compileFilter(context.filter)
    this.#fingerprint = fingerprintOf(context.source, context.filter, context.mapping)
  }

  async run(): Promise<RunOutcome> {
    const { connection, patience, told } = this.#context
    told.phase('claiming')
    const claim = await patience.with(() => connection.claim())
    const former = runState(claim.saved)
    const resumable = this.#resumable(claim, former)
    if (resumable) for (const { counts } of resumable.lanes) told.resumed(counts)
    const read = await this.#read(resumable ?? (await this.#begin(former)))
    told.phase('relations')
    const assembled = await joinRecords(this.#context, read.state)
    const end = await this.#end(read, assembled)
    return { mode: read.state.mode, ...end, resumed: resumable !== undefined, passes: this.#passes }
  }

  /** Where an interrupted run has got to, if this one can go on there. */
  #resumable({ saved }: Claim, former: RunState | undefined): Plan | undefined {
    if (!former || former.phase === 'done' || former.fingerprint !== this.#fingerprint) return undefined
    if (former.phase === 'reading' && this.#context.source.cursors === 'session') return undefined
    if (this.#context.mode === 'full' && former.mode !== 'full') return undefined
    const lanes = Array.from({ length: former.lanes }, (_, number) => laneState(saved.get(number)))
    const isWhole = lanes.every(lane => lane?.pass === former.pass)
    return isWhole ? { state: former, lanes: lanes as LaneState[] } : undefined
  }

  /** Begins a reading from the start, in the one transaction that forgets the former one. */
  async #begin(former: RunState | undefined): Promise<Plan> {
    const { clock, lanes: count, options } = this.#context
    const isKnown = former?.fullFingerprint === this.#fingerprint && former.latestAt !== undefined
    const isDue = clock.now() - (former?.fullAt ?? clock.now()) >= options.fullEveryMs
    const mode = this.#context.mode === 'incremental' && isKnown && !isDue ? 'incremental' : 'full'
    const pass = (former?.pass ?? 0) + 1
    const state: RunState = {
      fingerprint: this.#fingerprint,
      pass,
      phase: 'reading',
      mode,
      lanes: count,
      ...(!former && (await this.#isNothingThere()) && { isFirst: true }),
      ...(mode === 'incremental' && { fromAt: former!.latestAt! - options.overlapMs }),
      latestAt: isKnown ? former!.latestAt : undefined,
      fullPass: former?.fullPass ?? 0,
      fullAt: former?.fullAt,
      fullFingerprint: former?.fullFingerprint,
      cycles: former?.cycles,
      begunAt: clock.now(),
    }
    const lane: LaneState = { pass, page: 0, digest: noDigest, counts: noCounts }
    await this.#inRun(async transaction => {
      await transaction.makeLanes(count)
      for (let number = 0; number < count; number++) await transaction.save(number, JSON.stringify(lane))
      await transaction.save(runLane, JSON.stringify(state))
    })
    return { state, lanes: Array.from({ length: count }, () => lane) }
  }

  async #isNothingThere(): Promise<boolean> {
    const { connection, patience } = this.#context
    const elements = await patience.with(() => connection.ownElements(undefined, 1))
    const relations = await patience.with(() => connection.ownRelations(undefined, 1))
    return elements.length + relations.length === 0
  }

  #deletes({ mode, isFirst = false }: RunState): boolean {
    return mode === 'full' && this.#context.deletes && !isFirst
  }

  /** Reads until a whole reading has come to its end. */
  async #read(plan: Plan): Promise<Plan> {
    this.#context.told.phase('reading')
    let current = plan
    while (current.state.phase === 'reading') {
      if (++this.#passes > mostPasses)
        throw new HotwellError('source_failed', `The source was read ${mostPasses} times and is never the same.`, {
          retryable: false,
        })
      let { lanes } = current
      const isEnd = await this.#context.patience.with(
        async () => {
          const pass = new Pass(this.#passContext(current.state), lanes)
          try {
            return await pass.read()
          } catch (error) {
            if (isHotwellError(error, 'position_lost')) return false
            throw error
          } finally {
            lanes = pass.states
          }
        },
        () => lanes.reduce((sum, { page }) => sum + page, 0),
      )
      if (isEnd) current = await this.#ended(current.state, lanes)
      else {
        await this.#beforeAnew()
        current = await this.#begin(current.state)
      }
    }
    return current
  }

  /** A source that changes while it is read is read again at once; one that goes on so is given time. */
  async #beforeAnew(): Promise<void> {
    const { clock, signal } = this.#context
    const again = this.#passes - 1
    if (again > 0) await sleep(clock, backoffMs(again, { baseMs: firstAnewMs, maxMs: longestAnewMs }), signal)
  }

  #passContext(state: RunState): PassContext {
    const { map, options, patience, told, run, source, connection, clock, signal, turn } = this.#context
    const { fromAt } = state
    const filter = fromAt === undefined ? this.#context.filter : narrowed(this.#context.filter, fromAt)
    return {
      connection,
      run,
      pass: state.pass,
      begunAt: state.begunAt,
      reading: { fullPass: state.mode === 'full' ? state.pass : undefined },
      formerPass: state.fullPass,
      patiently: work => patience.with(work),
      takesOwn: this.#takesOwn(state),
      leavesOut: leavesOut(this.#context.filter),
      continueOnError: options.continueOnError,
      wrote: (written, pending) => told.wrote(written, pending),
      failed: batch => told.failed(batch),
      clock,
      source,
      filter,
      prepare: { filter: compileFilter(filter), map, maxRecordBytes: options.maxRecordBytes },
      options,
      collectsAbsent: this.#deletes(state),
      turn,
      signal,
      arrived: (page, times) => told.arrived(page, times),
    }
  }

  /**
   * A filter that was changed says nothing about rows from before. What was mapped cannot be told by the filter, only
   * by its having been the same.
   */
  #takesOwn(state: RunState): (element: OwnElement) => boolean {
    if (!this.#context.map) return this.#filter.takes
    const isSame = state.fullFingerprint === state.fingerprint
    return () => isSame
  }

  async #ended(state: RunState, lanes: readonly LaneState[]): Promise<Plan> {
    const ended: RunState = { ...state, phase: 'deleting' }
    await this.#inRun(transaction => transaction.save(runLane, JSON.stringify(ended)))
    return { state: ended, lanes }
  }

  /** What is left once everything was read, from the deletes to the last word. */
  async #end({ state, lanes }: Plan, assembled: Partial<Counts>): Promise<{ counts: Counts; cycles: number }> {
    const { told } = this.#context
    let counts = lanes.reduce((sum, lane) => addCounts(sum, lane.counts), addCounts(noCounts, assembled))
    const latest = [state.latestAt, ...lanes.map(lane => lane.latestAt)].filter(at => at !== undefined)
    const latestAt = latest.length > 0 ? Math.max(...latest) : undefined
    if (this.#deletes(state)) {
      told.phase('deleting')
      try {
        const { elements, relations } = await deleteAbsent(this.#deleteContext(state, lanes, counts.read))
        counts = addCounts(counts, { deleted: elements + relations })
      } catch (error) {
        if (isHotwellError(error, 'deletes_refused')) await this.#done({ ...state, latestAt })
        throw error
      }
    }
    await this.#context.patience.with(() => this.#context.connection.settle())
    const cycles = await this.#cycles(state, counts)
    const full = { fullPass: state.pass, fullAt: state.begunAt, fullFingerprint: state.fingerprint }
    await this.#done({ ...state, ...(state.mode === 'full' && full), latestAt, cycles })
    assertSomeTaken(counts)
    return { counts, cycles }
  }

  /** An incremental run does not look: all owners are read for it. */
  async #cycles({ mode, cycles = 0 }: RunState, { inserted, updated, deleted }: Counts): Promise<number> {
    if (mode !== 'full' || inserted + updated + deleted === 0) return cycles
    const { connection, patience, turn, run } = this.#context
    return tellOwnerCycles({ connection, patiently: work => patience.with(work), turn, run })
  }

  #deleteContext(state: RunState, lanes: readonly LaneState[], read: number): DeleteContext {
    const { source, connection, clock, patience, turn, signal, guard, allowDeletes, map, told } = this.#context
    return {
      connection,
      needsConfirmation: source.consistency === 'none',
      // The source knows nothing of ids that a mapping made.
      get: map ? undefined : source.get?.bind(source),
      patiently: work => patience.with(work),
      turn,
      clock,
      deleted: rows => told.deleted(rows),
      signal,
      filter: this.#filter,
      takesOwn: this.#takesOwn(state),
      pass: state.pass,
      formerPass: state.fullPass,
      order: lanes[0]!.order ?? {},
      read,
      guard,
      allowDeletes,
    }
  }

  #done(state: RunState): Promise<void> {
    return this.#inRun(transaction => transaction.save(runLane, JSON.stringify({ ...state, phase: 'done' })))
  }

  #inRun<T>(work: (transaction: TargetTransaction) => Promise<T>): Promise<T> {
    const { connection, patience } = this.#context
    return patience.with(() => connection.transaction(runLane, work))
  }
}

/** Whether elements are left out for more than their ids. */
function leavesOut({ types, typesExcept, modifiedFromAt, modifiedToAt }: SyncFilter): boolean {
  return [types, typesExcept, modifiedFromAt, modifiedToAt].some(given => given !== undefined)
}

/** Only what was modified since; what does not say when is read always. */
function narrowed(filter: SyncFilter, fromAt: number): SyncFilter {
  return { ...filter, modifiedFromAt: Math.max(fromAt, filter.modifiedFromAt ?? fromAt) }
}

/** A file of something else is no success, however completely it was refused. */
function assertSomeTaken({ read, failed, filtered }: Counts): void {
  if (read === 0 || failed < read - filtered || failed === 0) return
  throw new HotwellError(
    'source_failed',
    `None of the ${failed} records of the source could be taken; the dead letters say why, each with its reason.`,
    { retryable: false, details: { read, failed } },
  )
}
