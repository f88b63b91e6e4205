import { hash, randomUUID } from 'node:crypto'
import { type Clock, createSystemClock } from '../core/clock.ts'
import { HotwellError, isHotwellError } from '../core/errors.ts'
import { Events } from '../core/events.ts'
import { keepAlive } from '../core/keep-alive.ts'
import type { DeleteGuard } from './engine/delete-absent.ts'
import { KeptConnection } from './engine/kept-connection.ts'
import { Patience, type PatienceOptions } from './engine/patience.ts'
import type { RecordMapping } from './engine/prepare.ts'
import { Progress, type RunProgress } from './engine/progress.ts'
import type { RunContext } from './engine/run-context.ts'
import { RunControl } from './engine/run-control.ts'
import { checkPart, runPart, type SyncPart } from './engine/run-part.ts'
import { runSync } from './engine/run-sync.ts'
import { messageOf, toldOf } from './engine/told-error.ts'
import { type LastRun, lastRun } from './last-run.ts'
import type { SyncFilter } from './model/filter.ts'
import type { DeadLetter, DeadLetterKey } from './model/rows.ts'
import type { Source } from './source.ts'
import type { SyncEvents } from './sync-events.ts'
import { type RunStats, statsOf } from './sync-stats.ts'
import type { Target, TargetConnection } from './target.ts'
import { type Verification, type VerifyOptions, verifySync } from './verify/verify-sync.ts'

export interface SyncStrategy {
  /**
   * `full` reads everything, writes what differs and deletes what is gone. `incremental` reads what was modified since,
   * and is a full run where none was completed yet, or the latest one was long ago. @default 'full'
   */
  mode?: 'full' | 'incremental'
  /** Records a transaction. @default what suits the target */
  batchSize?: number
  /** Transactions at once. @default what suits the target */
  lanes?: number
  /** Whether what the source does not have any more is deleted; only what this sync wrote. @default true */
  deletes?: boolean
  deleteGuard?: DeleteGuard
  /** Incremental: so far before the latest modification it is read again. @default 60 */
  overlapSeconds?: number
  /**
   * Incremental: so long after a full run began the next run is a full one, which alone sees what is gone at the source.
   * `Infinity`: never. @default 604_800, a week
   */
  fullEverySeconds?: number
  /**
   * Whether a run goes on beside records that cannot be taken, which then lie in the dead letters. Otherwise the first of
   * them fails it, and nothing of its transaction is written. @default true
   */
  continueOnError?: boolean
  /** A larger record is not taken. @default 8 */
  maxRecordMegabytes?: number
  /** What may be in memory between source and target. @default 64 */
  maxBufferedMegabytes?: number
  /** A record waits at most this long for others to go with. @default 2 */
  flushSeconds?: number
  /** What is done when source or target fail. */
  patience?: PatienceOptions
}

export interface SyncOptions {
  /** Names its rows and its position at the target: two syncs never touch each other's. `[a-z][a-z0-9_-]{0,63}` */
  name: string
  source: Source
  target: Target
  strategy?: SyncStrategy
  filter?: SyncFilter
  /** Changes each record on its way; undefined leaves it out. Pure: the same record gives the same. */
  map?: RecordMapping
  /** Tells versions of `map` apart: with another one everything is read anew. @default a hash of its source text */
  mapVersion?: string
  clock?: Clock
}

export interface RunOptions {
  /** Names it in events and its stats. @default a new UUID */
  run?: string
  /** Ends the run; what is written stays, and the next run goes on from there. */
  signal?: AbortSignal
  onProgress?: (progress: RunProgress) => void
  /** Only a part, on demand; not with `mode`. */
  part?: SyncPart
  /** @default that of the strategy */
  mode?: 'full' | 'incremental'
  /** Deletes however much is gone. @default false */
  allowDeletes?: boolean
}

export interface Sync {
  readonly name: string
  /**
   * Runs it to its end. Resolves when it is completed.
   * @throws HotwellError whose `details.stats` say what was done until then; the signal's own reason passes through
   */
  run(options?: RunOptions): Promise<RunStats>
  /**
   * Compares source and target without changing anything, or with `repair` puts right what differs.
   * @throws HotwellError `deletes_refused` when a repair would delete more than is believed
   */
  verify(options?: VerifyOptions & Pick<RunOptions, 'signal' | 'onProgress' | 'allowDeletes'>): Promise<Verification>
  /** Of its last run; undefined where there was none. Nothing of a run that goes on is disturbed. */
  lastRun(): Promise<LastRun | undefined>
  /** Records that the last reading could not take, each with the reason. */
  deadLetters(options?: DeadLetterOptions): Promise<readonly DeadLetter[]>
  /** Stops reading until {@link resume}; what was read is written. */
  pause(): void
  resume(): void
  /** Registers a listener and returns the function that removes it. */
  on<Name extends keyof SyncEvents>(event: Name, listener: (told: SyncEvents[Name]) => void): () => void
  /** Ends what runs, and closes source and target. Idempotent. */
  close(): Promise<void>
}

export interface DeadLetterOptions {
  /** Behind this one, which is the last one of the letters before. @default from the first one */
  after?: DeadLetterKey
  /** @default 100 */
  limit?: number
}

const nameForm = /^[a-z][a-z0-9_-]{0,63}$/
const megabyte = 1024 * 1024

/**
 * Copies what a source has into a target: once, or again and again.
 * @throws HotwellError `invalid_configuration`
 */
export function createSync(options: SyncOptions): Sync {
  const { name, source, target, strategy = {}, filter = {}, map, clock = createSystemClock() } = options
  if (!nameForm.test(name))
    throw new HotwellError('invalid_configuration', `A sync's name is like plant-7: ${nameForm.source}, not "${name}".`)
  const mapping = options.mapVersion ?? (map ? hash('sha256', map.toString(), 'base64url') : '')
  const {
    batchSize = target.preferredBatch,
    lanes = target.preferredLanes,
    deletes = true,
    deleteGuard: guard = {},
    overlapSeconds = 60,
    fullEverySeconds = 604_800,
    continueOnError = true,
    maxRecordMegabytes = 8,
    maxBufferedMegabytes = 64,
    flushSeconds = 2,
    patience,
  } = strategy
  const passOptions = {
    batchRecords: batchSize,
    maxBufferedBytes: maxBufferedMegabytes * megabyte,
    flushMs: flushSeconds * 1000,
    maxRecordBytes: maxRecordMegabytes * megabyte,
    overlapMs: overlapSeconds * 1000,
    fullEveryMs: fullEverySeconds * 1000,
    continueOnError,
  }
  const control = new RunControl()
  const kept = new KeptConnection(clock, target.keptMs ?? 0, () => target.connect(name))
  let running: Promise<unknown> | undefined

  /** One piece of work at a time. */
  function alone<T>(runOptions: WorkOptions, work: (context: RunContext, facts: Facts) => Promise<T>): Promise<T> {
    if (running) return Promise.reject(new HotwellError('conflict', `The sync "${name}" is running already.`))
    // A script that waits for a run does not end before it.
    const result = keepAlive(begin(runOptions, work)).finally(() => {
      running = undefined
    })
    running = result
    return result
  }

  const events = new Events<SyncEvents>()

  async function begin<T>(
    {
      run: id = randomUUID(),
      signal,
      onProgress,
      mode = strategy.mode ?? 'full',
      allowDeletes = false,
      tells = true,
    }: WorkOptions,
    work: (context: RunContext, facts: Facts) => Promise<T>,
  ): Promise<T> {
    const startedAt = clock.monotonic()
    const ends = control.begin(signal)
    const own = { sync: name, run: id }
    const progress = new Progress(clock, onProgress, {
      pageRead: page => events.emit('page.read', { ...own, ...page }),
      batchWritten: batch => events.emit('batch.written', { ...own, ...batch }),
      batchFailed: batch => events.emit('batch.failed', { ...own, ...batch }),
      absentDeleted: rows => events.emit('absent.deleted', { ...own, ...rows }),
      waiting: ({ error, until }) => events.emit('run.waiting', { ...own, until, ...toldOf(error) }),
    })
    if (tells) events.emit('run.started', own)
    const facts: Facts = state => {
      return { run: id, state, mode, durationMs: clock.monotonic() - startedAt, resumed: progress.resumedRun }
    }
    try {
      const waits = new Patience(clock, ends, waiting => progress.waiting(waiting), patience)
      const connection = await waits.with(() => kept.take())
      const context: RunContext = {
        source,
        connection,
        clock,
        filter,
        map,
        mapping,
        mode,
        lanes,
        options: passOptions,
        deletes,
        guard,
        allowDeletes,
        patience: waits,
        signal: ends,
        turn: pausing => control.turn(pausing),
        run: id,
        told: progress,
      }
      const result = await work(context, facts)
      await kept.leave()
      return result
    } catch (error) {
      await kept.close()
      const stats = statsOf(progress.counts, facts(ends.aborted ? 'cancelled' : 'failed'))
      if (tells) events.emit('run.failed', { ...own, stats, ...toldOf(ends.aborted ? ends.reason : error) })
      if (ends.aborted) throw ends.reason
      throw withStats(error, stats)
    } finally {
      control.end()
    }
  }

  /** Beside what runs. */
  async function looking<T>(look: (connection: TargetConnection) => Promise<T>): Promise<T> {
    const connection = await target.connect(name)
    try {
      return await look(connection)
    } finally {
      await connection.close()
    }
  }

  return {
    name,
    async run({ part, ...runOptions } = {}) {
      if (part) checkPart(part)
      return alone(runOptions, async (context, facts) => {
        const { counts, mode, cycles } = part
          ? { counts: await runPart(context, part), mode: 'part' as const, cycles: 0 }
          : await runSync(context)
        const stats = statsOf(counts, { ...facts('completed'), mode, cycles })
        events.emit('run.finished', { sync: name, run: stats.run, stats })
        return stats
      })
    },
    verify: ({ repair, listed, ...verifyOptions } = {}) =>
      alone({ ...verifyOptions, tells: false }, context => verifySync(context, { repair, listed })),
    lastRun: () => looking(async connection => lastRun(await connection.saved())),
    deadLetters: ({ after, limit = 100 } = {}) => looking(connection => connection.readDeadLetters(after, limit)),
    on: (event, listener) => events.on(event, listener),
    pause: () => control.pause(),
    resume: () => control.resume(),
    async close() {
      control.close()
      await running?.catch(() => {})
      await kept.close()
      await source.close?.()
    },
  }
}

/** `tells`: whether it is a run, of which listeners hear. */
type WorkOptions = Omit<RunOptions, 'part'> & { tells?: boolean }
type Facts = (state: RunStats['state']) => Parameters<typeof statsOf>[1]

function withStats(error: unknown, stats: RunStats): HotwellError {
  if (isHotwellError(error)) {
    const { code, message, cause, retryable, retryAfterMs, details } = error
    return new HotwellError(code, message, { cause, retryable, retryAfterMs, details: { ...details, stats } })
  }
  return new HotwellError('run_failed', messageOf(error), { cause: error, details: { stats } })
}
