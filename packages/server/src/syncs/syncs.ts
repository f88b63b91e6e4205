import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { HotwellError, type Logger, type TokenManager } from 'hotwell'
import { Events } from 'hotwell/core'
import type { RunReport, SyncMonitor, SyncReport } from 'hotwell/monitoring'
import type { DeadLetterPage } from '../workers/messages.ts'
import { hotwellError } from '../workers/plain-error.ts'
import type { SyncPlan } from '../workers/sync-plan.ts'
import { assertNotOver, LiveRun } from './live-run.ts'
import type { RunBook, RunSearch } from './run-book.ts'
import type { RunRecord, RunWork } from './run-record.ts'
import { dueAt, Schedule } from './schedule.ts'
import { SyncThread } from './sync-thread.ts'

export interface SyncsParts {
  readonly tokens: TokenManager
  readonly book: RunBook
  readonly log: Logger
  readonly monitor: SyncMonitor
}

/** A sync of the configuration, and how it stands with it. */
export interface SyncFacts {
  readonly plan: SyncPlan
  /** The run that is not over. */
  readonly running?: RunRecord
  /** The latest of all. */
  readonly last?: RunRecord
  /** When it runs next by itself; wall clock, ms. */
  readonly nextAt?: number
}

export interface SyncsEvents {
  /** A run is over, or was left for the next server to go on with. */
  'run.ended': RunRecord
}

type Begun = Pick<RunRecord, 'trigger' | 'retryOf'>

/** More threads than cores only wait for each other. */
const mostAtOnce = Math.max(2, availableParallelism())
const purgeMs = 3_600_000

/** The syncs of a server: starts, ends and remembers their runs; one at a time for each sync. */
export class Syncs {
  readonly #parts: SyncsParts
  readonly #plans = new Map<string, SyncPlan>()
  /** By the name of their sync. */
  readonly #live = new Map<string, LiveRun>()
  readonly #schedule: Schedule
  readonly #events = new Events<SyncsEvents>()
  #purging: NodeJS.Timeout | undefined
  #hasBegun = false
  #isClosed = false

  constructor(parts: SyncsParts) {
    this.#parts = parts
    this.#schedule = new Schedule(name => void this.#due(name))
  }

  /** Finds what another server has left. Nothing runs yet. */
  async open(plans: readonly SyncPlan[]): Promise<void> {
    const { book } = this.#parts
    for (const plan of plans) this.#plans.set(plan.name, plan)
    // A server without syncs needs no file of runs.
    const unfinished = plans.length > 0 || book.isThere ? await book.unfinished() : []
    for (const record of unfinished) {
      const wasLeft = record.state === 'running' || record.state === 'pending'
      const left: RunRecord = wasLeft ? { ...record, state: 'interrupted' } : record
      const plan = this.#plans.get(record.sync)
      if (plan && !this.#live.has(record.sync)) await this.#revive(left, plan)
      else if (wasLeft) await book.put(left)
    }
  }

  /** Goes on with what was left, and begins to keep the intervals. */
  async begin(): Promise<void> {
    const { book } = this.#parts
    this.#hasBegun = true
    this.#proceed()
    for (const name of this.names) await this.#arm(name)
    const purge = () => void (book.isThere && book.purge(Date.now()).catch(() => {}))
    purge()
    this.#purging = setInterval(purge, purgeMs).unref()
  }

  /** Another configuration. Runs that are under way go on with theirs. */
  async configure(plans: readonly SyncPlan[]): Promise<void> {
    for (const name of this.#plans.keys())
      if (!plans.some(plan => plan.name === name)) this.#schedule.set(name, undefined)
    this.#plans.clear()
    for (const plan of plans) this.#plans.set(plan.name, plan)
    for (const { name } of plans) await this.#arm(name)
  }

  /** Registers a listener and returns the function that removes it. */
  on<Name extends keyof SyncsEvents>(name: Name, listener: (event: SyncsEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  get names(): readonly string[] {
    return [...this.#plans.keys()]
  }

  /** @throws HotwellError `not_found` */
  async facts(name: string): Promise<SyncFacts> {
    const plan = this.#plan(name)
    const [last] = await this.runs({ sync: name, limit: 1 })
    return { plan, running: this.#live.get(name)?.record, last, nextAt: dueAt(plan, last) }
  }

  /** @throws HotwellError `not_found`, `conflict` while another run of it is not over, `closed` */
  async start(name: string, work: RunWork, begun: Begun = { trigger: 'request' }): Promise<RunRecord> {
    const plan = this.#plan(name)
    if (this.#isClosed) throw new HotwellError('closed', 'The server is closing.')
    const other = this.#live.get(name)?.record
    if (other)
      throw new HotwellError(
        'conflict',
        `The sync "${name}" has the run ${other.id}, which is ${other.state}. One at a time.`,
      )
    const record: RunRecord = {
      ...{ id: randomUUID(), sync: name, work, ...begun, state: 'pending' },
      ...{ createdAt: Date.now(), interruptions: 0 },
    }
    const run = this.#add(record, plan)
    await this.#parts.book.put(record)
    this.#proceed()
    return run.record
  }

  /** The newest first. */
  async runs(search: RunSearch): Promise<RunRecord[]> {
    const records = await this.#parts.book.search(search)
    return records.map(record => this.#liveRun(record.id)?.record ?? record)
  }

  /** @throws HotwellError `not_found` */
  async run(id: string): Promise<RunRecord> {
    const record = this.#liveRun(id)?.record ?? (await this.#parts.book.get(id))
    if (record) return record
    throw new HotwellError('not_found', `There is no run "${id}"; runs are remembered for 30 days.`)
  }

  /**
   * How a run went that has ended, with its samples.
   * @throws HotwellError `not_found`
   */
  async report(id: string): Promise<RunReport> {
    const { state, work } = await this.run(id)
    const report = await this.#parts.book.report(id)
    if (report) return report
    const why = work.kind === 'verify' ? 'it is a comparison' : `it is ${state}`
    throw new HotwellError('not_found', `There is no report of the run ${id}: ${why}.`)
  }

  /** What all runs since the server began come to, for people and for programs. */
  performance(): SyncReport {
    return this.#parts.monitor.report()
  }

  /** @throws HotwellError `not_found`, `conflict` for a run that is over */
  async pause(id: string): Promise<RunRecord> {
    const run = this.#liveRun(id)
    if (!run) return this.#refuse(id, 'paused')
    await run.pause()
    this.#proceed()
    return run.record
  }

  /** @throws HotwellError `not_found`, `conflict` for a run that is over */
  async resume(id: string): Promise<RunRecord> {
    const run = this.#liveRun(id) ?? (await this.#reviveLeft(id))
    await run.resume()
    this.#proceed()
    return run.record
  }

  /** @throws HotwellError `not_found`, `conflict` for a run that is over */
  async cancel(id: string): Promise<RunRecord> {
    const run = this.#liveRun(id)
    if (run) return run.cancel()
    const record = await this.run(id)
    assertNotOver(record, 'cancelled')
    const cancelled: RunRecord = { ...record, state: 'cancelled', finishedAt: Date.now() }
    await this.#parts.book.put(cancelled)
    return cancelled
  }

  /**
   * The same again, as a run of its own, which goes on where the other one ended.
   * @throws HotwellError `not_found`, `conflict` unless it has failed or was cancelled
   */
  async retry(id: string): Promise<RunRecord> {
    const { sync, work, state } = await this.run(id)
    if (state === 'failed' || state === 'cancelled') return this.start(sync, work, { trigger: 'retry', retryOf: id })
    throw new HotwellError(
      'conflict',
      `The run ${id} is ${state}; only one that has failed or was cancelled is tried again.`,
    )
  }

  /** @throws HotwellError what the target says */
  async deadLetters(name: string, limit: number): Promise<DeadLetterPage> {
    const thread = new SyncThread(this.#plan(name), { kind: 'dead-letters', limit }, this.#parts.tokens)
    const { deadLetters, error } = await thread.outcome
    if (deadLetters) return deadLetters
    throw error ? hotwellError(error) : new HotwellError('closed', 'The server is closing.')
  }

  /** Ends the threads; the next server goes on where they were. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#schedule.close()
    clearInterval(this.#purging)
    await Promise.all([...this.#live.values()].map(run => run.leave()))
    await this.#parts.book.close()
  }

  #plan(name: string): SyncPlan {
    const plan = this.#plans.get(name)
    if (plan) return plan
    const known = this.names.join(', ') || 'none'
    throw new HotwellError('not_found', `The configuration has no sync "${name}"; there are ${known}.`)
  }

  #liveRun(id: string): LiveRun | undefined {
    return [...this.#live.values()].find(run => run.record.id === id)
  }

  #add(record: RunRecord, plan: SyncPlan): LiveRun {
    const { tokens, book, monitor } = this.#parts
    const run = new LiveRun(record, plan, { tokens, monitor, save: changed => book.put(changed) })
    this.#live.set(plan.name, run)
    this.#schedule.set(plan.name, undefined)
    void run.ended.then(ended => this.#ended(ended))
    return run
  }

  /** A run that another server has left: at its turn it goes on where that one was. */
  async #revive(left: RunRecord, plan: SyncPlan): Promise<LiveRun> {
    const isPaused = left.state === 'paused'
    const record: RunRecord = isPaused ? left : { ...left, state: 'pending', interruptions: left.interruptions + 1 }
    if (!isPaused) this.#parts.log.info({ sync: plan.name, run: left.id }, 'An interrupted run goes on')
    const run = this.#add(record, plan)
    await this.#parts.book.put(record)
    return run
  }

  async #reviveLeft(id: string): Promise<LiveRun> {
    const record = await this.run(id)
    assertNotOver(record, 'resumed')
    const other = this.#live.get(record.sync)?.record
    if (other) throw new HotwellError('conflict', `The sync "${record.sync}" has another run by now: ${other.id}.`)
    return this.#revive(record, this.#plan(record.sync))
  }

  async #refuse(id: string, what: string): Promise<never> {
    const record = await this.run(id)
    assertNotOver(record, what)
    throw new HotwellError('conflict', `The run ${id} is ${record.state} and not under way.`)
  }

  /** Begins the runs whose turn it is. */
  #proceed(): void {
    if (this.#isClosed || !this.#hasBegun) return
    const runs = [...this.#live.values()]
    let free = mostAtOnce - runs.filter(run => run.isWorking).length
    for (const run of runs) if (run.isWaiting && free-- > 0) run.begin()
  }

  #ended(record: RunRecord): void {
    const { sync, id, state, error, stats } = record
    this.#live.delete(sync)
    const fields = { sync, run: id, state, ...(error && { code: error.code }), ...(stats && { records: stats.total }) }
    if (state === 'failed') this.#parts.log.warn(fields, `A run of the sync "${sync}" failed: ${error?.message}`)
    else this.#parts.log.info(fields, `A run of the sync "${sync}" is ${state}`)
    this.#events.emit('run.ended', record)
    this.#proceed()
    void this.#arm(sync).catch(() => {})
  }

  /** Sets when a sync runs next by itself: an interval after its latest run began, at once where there was none. */
  async #arm(name: string): Promise<void> {
    const plan = this.#plans.get(name)
    const [last] = plan?.intervalSeconds === undefined ? [] : await this.#parts.book.search({ sync: name, limit: 1 })
    if (this.#isClosed || this.#live.has(name)) return
    this.#schedule.set(name, plan && dueAt(plan, last))
  }

  async #due(name: string): Promise<void> {
    if (this.#isClosed || this.#live.has(name)) return
    try {
      await this.start(name, { kind: 'run', allowDeletes: false }, { trigger: 'interval' })
    } catch (error) {
      this.#parts.log.warn({ err: error, sync: name }, `The sync "${name}" could not be started`)
    }
  }
}
