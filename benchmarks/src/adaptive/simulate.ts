import { type AttemptOutcome, createExecutor, type Executor, type ExecutorConcurrency } from 'hotwell/concurrency'
import { FakeClock } from 'hotwell/testing'
import { seededRandom } from '../harness/statistics.ts'
import type { Draw } from './draws.ts'
import { type Capacity, ModelBackend } from './model-backend.ts'

/** A backend and what happens to it. */
export interface Scenario {
  readonly name: string
  readonly serviceMs: number
  readonly draw: Draw
  readonly queuePerWorker: number
  readonly before: Capacity
  /** From a third to two thirds of the time. @default half of the workers and of the quota */
  readonly during?: Capacity
  /** Requests take so many times as long meanwhile. @default 1 */
  readonly slowness?: number
  /** How many executors share it, none knowing of the others. @default 1 */
  readonly executors?: number
}

export interface Rule {
  readonly name: string
  readonly concurrency: () => ExecutorConcurrency
  /** Whether a 429 is one more error to it, as published, or slows down the rate. */
  readonly knowsRates: boolean
}

export interface Verdict {
  /** Served ÷ what the backend could have served, 0 to 1. */
  readonly goodput: number
  /** Turned away ÷ asked. */
  readonly rejected: number
  /** Seconds from the change until it was good again, see {@link isGood}; NaN: never. */
  readonly settledSeconds: number
  /** What was inside ÷ what is worked on at once, on average: 1 is none that waits. */
  readonly inside: number
  /** The most served by one of several executors ÷ the least. */
  readonly unfairness: number
}

const thirdSeconds = 60
/** Requests that the executors are asked for in advance. */
const waiting = 50

/** One rule at one backend for three minutes of simulated time, with work in plenty. */
export async function simulate(scenario: Scenario, rule: Rule, seed: number): Promise<Verdict> {
  const { before, during = half(before), slowness = 1, executors: count = 1 } = scenario
  const clock = new FakeClock()
  const backend = new ModelBackend({ ...scenario, clock, random: seededRandom(seed), capacity: before })
  const ends: Record<AttemptOutcome, number> = { ok: 0, rate_limited: 0, overloaded: 0, failed: 0 }
  const clients = Array.from({ length: count }, () => client(clock, backend, rule, ends))
  const slices: Slice[] = []
  for (let second = 0; second < 3 * thirdSeconds; second++) {
    if (second === thirdSeconds) {
      backend.slowness = slowness
      backend.change(during)
    } else if (second === 2 * thirdSeconds) {
      backend.slowness = 1
      backend.change(before)
    }
    const from = { ...ends }
    let inside = 0
    let busy = 0
    for (let step = 0; step < 10; step++) {
      await clock.advance(100)
      inside += backend.inside / 10
      busy += backend.busy / 10
    }
    const possible = backend.possiblePerSecond
    const working = (possible * scenario.serviceMs * backend.slowness) / 1000
    const rejected = ends.rate_limited + ends.overloaded - from.rate_limited - from.overloaded
    const ok = ends.ok - from.ok
    const used = backend.isLimitedByQuota ? ok / possible : busy / backend.capacity.workers
    slices.push({ ok, rejected, possible, inside: inside / working, used })
  }
  const total = sum(slices)
  const served = clients.map(each => each.statistics().succeeded)
  return {
    goodput: total.ok / total.possible,
    rejected: total.rejected / (total.ok + total.rejected),
    settledSeconds: settledAfter(slices.slice(thirdSeconds, 2 * thirdSeconds)),
    inside: total.inside / slices.length,
    unfairness: Math.max(...served) / Math.min(...served),
  }
}

function client(clock: FakeClock, backend: ModelBackend, rule: Rule, ends: Record<AttemptOutcome, number>): Executor {
  const executor = createExecutor({
    concurrency: rule.concurrency(),
    queueLimit: 2 * waiting,
    retries: 0,
    classify: settled => {
      const outcome = settled.status === 'fulfilled' ? (settled.value as AttemptOutcome) : 'failed'
      ends[outcome]++
      return { outcome: outcome === 'rate_limited' && !rule.knowsRates ? 'overloaded' : outcome }
    },
    clock,
  })
  const add = () => void executor.run(request)
  const request = () => {
    add()
    return backend.request()
  }
  for (let ahead = 0; ahead < waiting; ahead++) add()
  return executor
}

/** A second, or a sum of seconds. */
interface Slice {
  readonly ok: number
  readonly rejected: number
  readonly possible: number
  readonly inside: number
  /** The share of its quota, or of its workers, that was in use: free of the scatter of what they worked on. */
  readonly used: number
}

function sum(slices: readonly Slice[]): Slice {
  const total = { ok: 0, rejected: 0, possible: 0, inside: 0, used: 0 }
  for (const slice of slices) {
    for (const key of ['ok', 'rejected', 'possible', 'inside', 'used'] as const) total[key] += slice[key]
  }
  return total
}

/** The beginning of the first five seconds that were good and after which it was good on average. */
function settledAfter(slices: readonly Slice[]): number {
  for (let second = 0; second + 5 <= slices.length; second++) {
    if (isGood(slices.slice(second, second + 5)) && isGood(slices.slice(second))) return second
  }
  return Number.NaN
}

/** Four fifths in use, 5 % turned away at most, and no more waiting than is worked on. */
function isGood(slices: readonly Slice[]): boolean {
  const { ok, rejected, inside, used } = sum(slices)
  return used >= 0.8 * slices.length && rejected <= 0.05 * (ok + rejected) && inside <= 2 * slices.length
}

function half({ workers, perSecond }: Capacity): Capacity {
  return { workers: workers / 2, ...(perSecond && { perSecond: perSecond / 2 }) }
}
