import { bimodal, type Draw, exponential, lognormal } from './draws.ts'
import type { Scenario } from './simulate.ts'

/** What the gradient rule was tuned on: capacity that halves and returns, and a quota that does. */
export const tuned: readonly Scenario[] = [
  backend('50 ms', 50, 32),
  backend('300 ms', 300, 32),
  backend('50 ms, 100/s behind 429s', 50, 500, { before: { workers: 500, perSecond: 100 } }),
  backend('300 ms, 100/s behind 429s', 300, 500, { before: { workers: 500, perSecond: 100 } }),
]

/** What it was not tuned on. */
export const others: readonly Scenario[] = [
  backend('5 ms, 8 workers', 5, 8),
  backend('20 ms ± 50 %', 20, 16, { draw: lognormal(0.5) }),
  backend('1 s ± 10 %', 1000, 20),
  backend('50 ms exponential', 50, 32, { draw: exponential() }),
  backend('50 ms exponential, 4 workers', 50, 4, { draw: exponential() }),
  backend('300 ms exponential', 300, 32, { draw: exponential() }),
  backend('50 ms, tail of 200 %', 50, 32, { draw: lognormal(2) }),
  backend('200 ms, one in ten 10 × longer', 200, 40, { draw: bimodal() }),
  backend('50 ms, short queue', 50, 32, { queuePerWorker: 0.5 }),
  backend('50 ms, endless queue', 50, 32, { queuePerWorker: Number.POSITIVE_INFINITY }),
  backend('100 ms, down to a quarter', 100, 32, { during: { workers: 8 } }),
  backend('100 ms, twice as slow', 100, 32, { during: { workers: 32 }, slowness: 2 }),
  backend('100 ms, 200 workers', 100, 200),
  backend('100 ms, four executors', 100, 40, { draw: lognormal(0.5), executors: 4 }),
  backend('300 ms, 400/s behind 429s', 300, 1000, { before: { workers: 1000, perSecond: 400 } }),
  backend('100 ms, 12 workers and 100/s', 100, 12, { before: { workers: 12, perSecond: 100 } }),
  backend('100 ms, 50/s, three executors', 100, 500, { before: { workers: 500, perSecond: 50 }, executors: 3 }),
  backend('100 ms, 200/s, three executors', 100, 500, { before: { workers: 500, perSecond: 200 }, executors: 3 }),
]

/** Steady, with an endless queue: the only thing that can pass for a queue is the scatter of the latencies. */
export const noisy: readonly Scenario[] = [
  steady('50 ms, 4 workers, one in ten 10 × longer', 50, 4, bimodal()),
  steady('100 ms, 8 workers, one in ten 10 × longer', 100, 8, bimodal()),
  steady('300 ms exponential, 8 workers', 300, 8, exponential()),
]

/** Where it is known to do worse; no goals. */
export const hard: readonly Scenario[] = [
  backend('100 ms, 10/s behind 429s', 100, 500, { before: { workers: 500, perSecond: 10 } }),
  backend('300 ms exponential, 3 × as slow', 300, 32, { draw: exponential(), during: { workers: 32 }, slowness: 3 }),
]

function steady(name: string, serviceMs: number, workers: number, draw: Draw): Scenario {
  return backend(name, serviceMs, workers, { draw, queuePerWorker: Number.POSITIVE_INFINITY, during: { workers } })
}

function backend(name: string, serviceMs: number, workers: number, more: Partial<Scenario> = {}): Scenario {
  return { name, serviceMs, draw: lognormal(0.1), queuePerWorker: 1, before: { workers }, ...more }
}
