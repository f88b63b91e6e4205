import { isHotwellError, type Logger, parseRef, type TokenManager } from 'hotwell'
import type { Executor, ExecutorConcurrency } from 'hotwell/concurrency'
import { acquireBehind } from './acquire-behind.ts'
import { createBulkLane } from './bulk-lane.ts'
import { type WarmUpOutcome, WarmUpRun } from './warm-up-run.ts'

export interface WarmUpOptions {
  tokens: TokenManager
  log: Logger
  /** Of each provider, in place of the adaptive limit. */
  concurrency?: ExecutorConcurrency
}

interface Lane {
  readonly executor: Executor
  readonly logins: boolean
  /** Refs that have not ended. */
  open: number
}

/** How many refs of a provider wait for their turn at most; the others are only names in a list. */
const batchSize = 100
const progressEveryMs = 5000

/**
 * Acquires tokens in bulk, before anybody waits for them. Each provider has an executor for its logins and one for all
 * else, so that a slow one keeps no other waiting; a ref that is asked for twice is acquired once.
 */
export class WarmUp {
  readonly #options: WarmUpOptions
  readonly #lanes = new Map<string, Lane>()
  readonly #open = new Map<string, PromiseWithResolvers<WarmUpOutcome>>()
  readonly #closing = new AbortController()

  constructor(options: WarmUpOptions) {
    this.#options = options
  }

  /** Begins with what is not there. It goes on whether anybody waits for its end or not. */
  begin(refs: readonly string[]): WarmUpRun {
    const { tokens } = this.#options
    const run = new WarmUpRun(tokens, refs)
    const begun = [...run.missing].filter(ref => !this.#open.has(ref))
    for (const ref of begun) this.#open.set(ref, Promise.withResolvers())
    for (const ref of run.missing) run.follow(ref, this.#open.get(ref)!.promise)
    const lists = Map.groupBy(begun, ref => this.#laneOf(ref))
    for (const [lane, missing] of lists) lane.open += missing.length
    for (const [lane, missing] of lists) void this.#acquire(lane, missing)
    this.#tell(run)
    return run
  }

  /** What waits is given up; resolves when what runs has ended. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#lanes.values()].map(({ executor }) => executor.close({ signal: this.#closing.signal })))
  }

  async #acquire(lane: Lane, refs: readonly string[]): Promise<void> {
    const left = new Set(refs)
    const end = (ref: string, outcome: WarmUpOutcome) => {
      left.delete(ref)
      lane.open--
      this.#open.get(ref)!.resolve(outcome)
      this.#open.delete(ref)
    }
    const task = (ref: string, { signal }: { signal: AbortSignal }) => acquireBehind(this.#options.tokens, ref, signal)
    try {
      for await (const result of lane.executor.map(refs, task, { batchSize })) {
        end(result.item, result.status === 'fulfilled' ? 'acquired' : failure(result.reason))
      }
    } catch (error) {
      // Closing: nobody can say more of those that had not begun.
      for (const ref of left) end(ref, failure(error))
    }
  }

  #laneOf(ref: string): Lane {
    const { provider, kind } = parseRef(ref)
    const logins = kind === 'account'
    const name = logins ? `${provider}/account` : provider
    let lane = this.#lanes.get(name)
    if (!lane) {
      const { concurrency } = this.#options
      const executor = createBulkLane({ logins, mostAtOnce: () => this.#mostAtOnce(logins), concurrency })
      lane = { executor, logins, open: 0 }
      this.#lanes.set(name, lane)
    }
    return lane
  }

  /** A fair share of what the gate lets run, as long as several providers want it. */
  #mostAtOnce(logins: boolean): number {
    const { limits } = this.#options.tokens.gateUsage()
    const busy = [...this.#lanes.values()].filter(lane => lane.logins === logins && lane.open > 0).length
    const [each, all] = logins
      ? [limits.maxConcurrentPerSite, limits.maxConcurrentAcquisitions]
      : [limits.maxConcurrentPerProvider, limits.maxConcurrentOther]
    return Math.min(each, Math.max(1, Math.floor(all / Math.max(1, busy))))
  }

  #tell(run: WarmUpRun): void {
    const { log } = this.#options
    const timer = setInterval(() => log.info(run.progress(), 'Warm-up under way'), progressEveryMs).unref()
    void run.ended.then(() => {
      clearInterval(timer)
      log.info(run.progress(), 'Warm-up ended')
    })
  }
}

function failure(error: unknown): WarmUpOutcome {
  if (isHotwellError(error)) return { code: error.code, message: error.message }
  return { code: 'internal_error', message: 'Something failed that should not have.' }
}
