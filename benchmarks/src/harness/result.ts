import { quantile } from './statistics.ts'

/** How the samples lie whose median a figure is. */
export interface Spread {
  readonly samples: number
  readonly least: number
  /** A quarter of the samples is below. */
  readonly lower: number
  /** A quarter of the samples is above. */
  readonly upper: number
  readonly most: number
}

/** One measured figure. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What it is to be compared with, taken in the same run, for people. */
  readonly peer?: string
  /** What is demanded of it, for people. */
  readonly limit?: string
  /** Where it is a median and the samples are known. */
  readonly spread?: Spread
}

/** What has to hold. `name` ends in "at most", "at least" or "exactly". */
export interface Goal {
  readonly name: string
  readonly value: number
  readonly goal: number
  readonly ok: boolean
}

/** What every benchmark returns, and `--json` prints. */
export interface BenchmarkResult {
  readonly name: string
  readonly figures: readonly Figure[]
  readonly goals: readonly Goal[]
}

/** NaN, a measurement that had nothing to measure, misses every goal. */
export function atMost(name: string, value: number, goal: number): Goal {
  return { name: `${name}, at most`, value: readable(value), goal: readable(goal), ok: value <= goal }
}

export function atLeast(name: string, value: number, goal: number): Goal {
  return { name: `${name}, at least`, value: readable(value), goal: readable(goal), ok: value >= goal }
}

export function exactly(name: string, value: number, goal: number): Goal {
  return { name: `${name}, exactly`, value: readable(value), goal: readable(goal), ok: value === goal }
}

/** `peer` and `limit` are left out where there is none. `samples`: those whose median `value` is. */
export function figure(
  name: string,
  value: number,
  unit: string,
  { samples, ...beside }: Pick<Figure, 'peer' | 'limit'> & { samples?: readonly number[] } = {},
): Figure {
  const spread = samples && samples.length > 1 ? { spread: spreadOf(samples) } : {}
  return { name, value: readable(value), unit, ...beside, ...spread }
}

export function spreadOf(samples: readonly number[]): Spread {
  const at = (share: number) => readable(quantile(samples, share))
  return { samples: samples.length, least: at(0), lower: at(0.25), upper: at(0.75), most: at(1) }
}

/** Five significant digits: more of them would promise what no measurement here can hold. */
export function readable(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(5))
}
