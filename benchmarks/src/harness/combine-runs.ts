import { type BenchmarkResult, type Figure, type Goal, readable, spreadOf } from './result.ts'
import { median } from './statistics.ts'

/** Several runs of one benchmark as one: medians of the runs, with their quartiles. */
export function combineRuns(runs: readonly BenchmarkResult[]): BenchmarkResult {
  const [first] = runs
  if (!first) throw new Error('There is no run.')
  if (runs.length === 1) return first
  return {
    name: first.name,
    figures: first.figures.map(figure =>
      combined(
        figure,
        runs.flatMap(run => run.figures.find(({ name }) => name === figure.name) ?? []),
      ),
    ),
    goals: first.goals.map(goal =>
      judged(
        goal,
        runs.flatMap(run => run.goals.find(({ name }) => name === goal.name) ?? []),
      ),
    ),
  }
}

/** What it is beside is told of the run whose figure is nearest to the median. */
function combined(figure: Figure, all: readonly Figure[]): Figure {
  const measured = all.filter(isMeasured)
  if (measured.length === 0) return figure
  const values = measured.map(({ value }) => value)
  const value = median(values)
  const nearest = measured.reduce((best, one) =>
    Math.abs(one.value - value) < Math.abs(best.value - value) ? one : best,
  )
  return { ...nearest, name: figure.name, value: readable(value), spread: spreadOf(values) }
}

/** What has to be exact has to be so, and everything measured, in every run; the others are met by the median. */
function judged(goal: Goal, all: readonly Goal[]): Goal {
  const missed = all.find(one => !one.ok && (goal.name.endsWith('exactly') || !isMeasured(one)))
  if (missed || goal.name.endsWith('exactly')) return missed ?? goal
  const value = median(all.map(one => one.value))
  const limit = median(all.map(one => one.goal))
  const ok = goal.name.endsWith('at most') ? value <= limit : value >= limit
  return { name: goal.name, value: readable(value), goal: readable(limit), ok }
}

/** A measurement that had nothing to measure is NaN, and null in JSON. */
function isMeasured({ value }: { readonly value: number }): boolean {
  return Number.isFinite(value)
}
