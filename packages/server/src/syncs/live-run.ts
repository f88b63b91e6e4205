import { HotwellError, type TokenManager } from 'hotwell'
import { Events } from 'hotwell/core'
import type { SyncMonitor } from 'hotwell/monitoring'
import type { SyncEvents } from 'hotwell/sync'
import type { Outcome } from '../workers/messages.ts'
import type { SyncPlan } from '../workers/sync-plan.ts'
import { isOver, type RunRecord } from './run-record.ts'
import { SyncThread } from './sync-thread.ts'

export interface LiveRunContext {
  readonly tokens: TokenManager
  /** Writes the record down; called on each change of state, and now and then in between. */
  readonly save: (record: RunRecord) => Promise<void>
  /** Hears what the sync tells in its thread. */
  readonly monitor: SyncMonitor
}

/** So often it is written down how far a run is. */
const savingMs = 5000

/** A run that is not over: it waits for its turn, runs in its thread, or is paused. */
export class LiveRun {
  /** Resolves with the record once it is over, or left for the next server to go on with. */
  readonly ended: Promise<RunRecord>
  readonly #plan: SyncPlan
  readonly #context: LiveRunContext
  readonly #end: (record: RunRecord) => void
  #record: RunRecord
  #thread: SyncThread | undefined
  #savedAt = 0
  #isLeaving = false
  #isAbandoned = false

  constructor(record: RunRecord, plan: SyncPlan, context: LiveRunContext) {
    this.#record = record
    this.#plan = plan
    this.#context = context
    const { promise, resolve } = Promise.withResolvers<RunRecord>()
    this.ended = promise
    this.#end = resolve
  }

  get record(): RunRecord {
    return this.#record
  }

  /** Whether it has a thread that works. */
  get isWorking(): boolean {
    return this.#thread !== undefined && this.#record.state === 'running'
  }

  get isWaiting(): boolean {
    return this.#thread === undefined && this.#record.state === 'pending'
  }

  /** It is its turn. */
  begin(): void {
    const { tokens, monitor } = this.#context
    const { id, work: given } = this.#record
    const work = given.kind === 'run' ? { ...given, run: id } : given
    const events = new Events<SyncEvents>()
    const unwatch = monitor.watch({ name: this.#plan.name, on: (name, listener) => events.on(name, listener) })
    this.#thread = new SyncThread(this.#plan, work, tokens, {
      progress: progress => {
        this.#record = { ...this.#record, progress }
        if (Date.now() >= this.#savedAt + savingMs) void this.#save()
      },
      told: told => {
        for (const { name, event } of told) events.emit(name, event)
      },
    })
    void this.#change({ state: 'running', startedAt: this.#record.startedAt ?? Date.now() })
    void this.#thread.outcome.then(outcome => {
      unwatch()
      return this.#over(outcome)
    })
  }

  /** What was read is written. */
  async pause(): Promise<void> {
    if (this.#record.state === 'paused') return
    this.#thread?.pause()
    await this.#change({ state: 'paused' })
  }

  async resume(): Promise<void> {
    if (this.#record.state !== 'paused') return
    this.#thread?.resume()
    await this.#change({ state: this.#thread ? 'running' : 'pending' })
  }

  /** For good; what is written stays. */
  async cancel(): Promise<RunRecord> {
    if (this.#thread) this.#thread.cancel()
    else await this.#over({ state: 'cancelled' })
    return this.ended
  }

  /** The server ends: the next one goes on where this one was. One that was paused stays so. */
  async leave(): Promise<void> {
    this.#isLeaving = true
    if (!this.#thread) return this.#end(this.#record)
    this.#thread.cancel()
    await this.ended
  }

  /** Another server has taken it over: this one ends it, and has nothing to say about it any more. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true
    await this.leave()
  }

  async #over({ state, stats, verification, error }: Outcome): Promise<void> {
    if (this.#isLeaving && state !== 'completed') {
      await this.#change({ state: this.#record.state === 'paused' ? 'paused' : 'interrupted' })
    } else {
      const finishedAt = Date.now()
      await this.#change({ state, finishedAt, stats: stats && { ...stats, state }, verification, error })
    }
    this.#end(this.#record)
  }

  #change(changes: Partial<RunRecord>): Promise<void> {
    this.#record = { ...this.#record, ...changes }
    return this.#save()
  }

  #save(): Promise<void> {
    if (this.#isAbandoned) return Promise.resolve()
    this.#savedAt = Date.now()
    return this.#context.save(this.#record)
  }
}

/** @throws HotwellError `conflict` for a run that is over */
export function assertNotOver(record: RunRecord, what: string): void {
  if (!isOver(record)) return
  throw new HotwellError('conflict', `The run ${record.id} is ${record.state}: it cannot be ${what} any more.`)
}

/** @throws HotwellError `conflict` unless it has failed or was cancelled */
export function assertRetriable({ id, state }: RunRecord): void {
  if (state === 'failed' || state === 'cancelled') return
  throw new HotwellError(
    'conflict',
    `The run ${id} is ${state}; only one that has failed or was cancelled is tried again.`,
  )
}

/** @throws HotwellError `conflict` for a run that its sync has */
export function assertNone(other: RunRecord | undefined): void {
  if (!other) return
  const { sync, id, state } = other
  throw new HotwellError('conflict', `The sync "${sync}" has the run ${id}, which is ${state}. One at a time.`)
}
