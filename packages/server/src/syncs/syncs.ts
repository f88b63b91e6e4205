import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { HotwellError, isHotwellError } from 'hotwell'
import { Events } from 'hotwell/core'
import type { RunReport, SyncReport } from 'hotwell/monitoring'
import type { DeadLetterPage } from '../workers/messages.ts'
import type { SyncPlan } from '../workers/sync-plan.ts'
import { assertNone, assertNotOver, assertRetriable, LiveRun } from './live-run.ts'
import type { RunSearch } from './run-book.ts'
import { deadLettersOf, logEnd, reportOf } from './run-outcomes.ts'
import { isOver, type RunRecord, type RunWork } from './run-record.ts'
import { RunTenure } from './run-tenure.ts'
import { dueAt, Schedule } from './schedule.ts'
import type { SyncFacts, SyncsEvents, SyncsParts } from './syncs-parts.ts'

export type { SyncFacts, SyncsEvents, SyncsParts }

type Begun = Pick<RunRecord, 'trigger' | 'retryOf'>

/** More threads than cores only wait for each other. */
const mostAtOnce = Math.max(2, availableParallelism())

/** The syncs of a server: starts, ends and remembers their runs; one at a time for each sync. */
export class Syncs {
  readonly #parts: SyncsParts
  readonly #plans = new Map<string, SyncPlan>()
  /** By the name of their sync. */
  readonly #live = new Map<string, LiveRun>()
  readonly #tenure: RunTenure
  readonly #schedule: Schedule
  readonly #events = new Events<SyncsEvents>()
  #hasBegun = false
  #isClosed = false

  constructor(parts: SyncsParts) {
    this.#parts = parts
    this.#tenure = new RunTenure({
      ...parts,
      lost: name => this.#live.get(name)?.abandon(),
      left: async record => {
        if (!this.#plans.has(record.sync) || this.#live.has(record.sync)) return
        await this.#adopt(record)
        this.#proceed()
      },
      freed: name => this.#arm(name),
    })
    this.#schedule = new Schedule(name => void this.#due(name))
  }

  /** Finds what another server has left. Nothing runs yet. */
  async open(plans: readonly SyncPlan[]): Promise<void> {
    const { book } = this.#parts
    for (const plan of plans) this.#plans.set(plan.name, plan)
    // A server without syncs needs no file of runs.
    const unfinished = plans.length > 0 || book.isThere ? await book.unfinished() : []
    for (const record of unfinished) await this.#adopt(record)
  }

  /** Goes on with what was left, and begins to keep the intervals. */
  async begin(): Promise<void> {
    this.#hasBegun = true
    this.#proceed()
    for (const name of this.names) await this.#arm(name)
    this.#parts.book.keepPurged()
    this.#tenure.begin()
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
    const isElsewhere = last && !isOver(last) && (await this.#tenure.isElsewhere(name))
    const running = this.#live.get(name)?.record ?? (isElsewhere ? last : undefined)
    return { plan, running, last, nextAt: dueAt(plan, last) }
  }

  /** @throws HotwellError `not_found`, `conflict` while another run of it is not over, `closed` */
  async start(name: string, work: RunWork, begun: Begun = { trigger: 'request' }): Promise<RunRecord> {
    const plan = this.#plan(name)
    if (this.#isClosed) throw new HotwellError('closed', 'The server is closing.')
    assertNone(this.#live.get(name)?.record)
    const id: string = randomUUID()
    await this.#tenure.take(name, id)
    const facts = { createdAt: Date.now(), interruptions: 0 }
    const record: RunRecord = { id, sync: name, work, ...begun, state: 'pending', ...facts }
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
    return reportOf(await this.run(id), this.#parts.book)
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
    await this.#tenure.assertNotElsewhere(record)
    const cancelled: RunRecord = { ...record, state: 'cancelled', finishedAt: Date.now() }
    await this.#parts.book.put(cancelled)
    await this.#tenure.release(record.sync, id)
    return cancelled
  }

  /**
   * The same again, as a run of its own, which goes on where the other one ended.
   * @throws HotwellError `not_found`, `conflict` unless it has failed or was cancelled
   */
  async retry(id: string): Promise<RunRecord> {
    const record = await this.run(id)
    assertRetriable(record)
    return this.start(record.sync, record.work, { trigger: 'retry', retryOf: id })
  }

  /** @throws HotwellError what the target says */
  async deadLetters(name: string, limit: number): Promise<DeadLetterPage> {
    return deadLettersOf(this.#plan(name), limit, this.#parts.tokens)
  }

  /** Ends the threads; the next server goes on where they were. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#schedule.close()
    this.#tenure.stop()
    await Promise.all([...this.#live.values()].map(run => run.leave()))
    await this.#tenure.leaveAll()
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
    const plan = this.#plan(record.sync)
    await this.#tenure.take(record.sync, id)
    return this.#revive(record, plan)
  }

  async #refuse(id: string, what: string): Promise<never> {
    const record = await this.run(id)
    assertNotOver(record, what)
    await this.#tenure.assertNotElsewhere(record)
    throw new HotwellError('conflict', `The run ${id} is ${record.state} and not under way.`)
  }

  /** Goes on with a run that is not over, unless another server has it that lives. */
  async #adopt(record: RunRecord): Promise<void> {
    if (await this.#tenure.isElsewhere(record.sync)) return
    const wasLeft = record.state === 'running' || record.state === 'pending'
    const left: RunRecord = wasLeft ? { ...record, state: 'interrupted' } : record
    const plan = this.#plans.get(record.sync)
    if (!plan || this.#live.has(record.sync)) {
      if (wasLeft) await this.#parts.book.put(left)
      return
    }
    try {
      await this.#tenure.take(record.sync, record.id)
    } catch (error) {
      if (isHotwellError(error, 'conflict')) return
      throw error
    }
    await this.#revive(left, plan)
  }

  /** Begins the runs whose turn it is. */
  #proceed(): void {
    if (this.#isClosed || !this.#hasBegun) return
    const runs = [...this.#live.values()]
    let free = mostAtOnce - runs.filter(run => run.isWorking).length
    for (const run of runs) if (run.isWaiting && free-- > 0) run.begin()
  }

  #ended(record: RunRecord): void {
    const { sync, id } = record
    this.#live.delete(sync)
    if (isOver(record)) void this.#tenure.release(sync, id)
    logEnd(record, this.#parts.log)
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
      // Another server may have run it meanwhile.
      const [last] = await this.#parts.book.search({ sync: name, limit: 1 })
      const plan = this.#plans.get(name)
      if (plan && (dueAt(plan, last) ?? 0) > Date.now() + 1) return await this.#arm(name)
      await this.start(name, { kind: 'run', allowDeletes: false }, { trigger: 'interval' })
    } catch (error) {
      // Armed again when that one is over.
      if (this.#tenure.wasElsewhere(name) && isHotwellError(error, 'conflict')) return
      this.#parts.log.warn({ err: error, sync: name }, `The sync "${name}" could not be started`)
    }
  }
}
