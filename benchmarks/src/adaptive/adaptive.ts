import { progress } from '../harness/progress.ts'
import { atLeast, atMost, type BenchmarkResult, type Figure, figure, type Goal } from '../harness/result.ts'
import { median } from '../harness/statistics.ts'
import { Aimd, PublishedGradient } from './peers.ts'
import { hard, noisy, others, tuned } from './scenarios.ts'
import { type Rule, type Scenario, simulate, type Verdict } from './simulate.ts'

/** Each scenario with so many seeds; the figures are their means, of the seconds to settle the worst. */
const runs = 5
/** As on a machine with two cores, so that the figures are the same on every one. */
const cores = 2

const gradient: Rule = {
  name: 'gradient',
  concurrency: () => ({ rule: 'gradient', start: 2 * cores }),
  knowsRates: true,
}

/** The control: every mean above the base passes for a queue. */
const withoutTolerance: Rule = {
  name: 'gradient without tolerance of noise',
  concurrency: () => ({ rule: 'gradient', start: 2 * cores, noiseTolerance: 0 }),
  knowsRates: true,
}

const peers: readonly Rule[] = [
  {
    name: 'threshold',
    concurrency: () => ({ rule: 'threshold', start: 2 * cores, most: 4 * cores }),
    knowsRates: false,
  },
  { name: 'AIMD', concurrency: () => new Aimd(), knowsRates: false },
  { name: 'published gradient', concurrency: () => new PublishedGradient(), knowsRates: false },
]

/** Simulated backends whose capacity changes after one minute and comes back after two, with work in plenty. */
export async function adaptive(): Promise<BenchmarkResult> {
  const figures: Figure[] = []
  const goals: Goal[] = []
  for (const scenario of tuned) {
    const verdict = await measure(scenario, gradient)
    figures.push(...figuresOf(scenario, gradient, verdict))
    for (const peer of peers) figures.push(...figuresOf(scenario, peer, await measure(scenario, peer)))
    goals.push(...goalsOf(scenario, verdict, { goodput: 0.95, rejected: 0.015 }))
  }
  for (const scenario of others) {
    const verdict = await measure(scenario, gradient)
    figures.push(...figuresOf(scenario, gradient, verdict))
    goals.push(...goalsOf(scenario, verdict, { goodput: 0.9, rejected: 0.03 }))
    if (scenario.executors) goals.push(atMost(`${scenario.name}: most ÷ least served`, verdict.unfairness, 2))
  }
  for (const scenario of noisy) {
    const verdict = await measure(scenario, gradient)
    const control = await measure(scenario, withoutTolerance)
    figures.push(...figuresOf(scenario, gradient, verdict), ...figuresOf(scenario, withoutTolerance, control))
    goals.push(atLeast(`${scenario.name}: goodput`, verdict.goodput, 0.9))
    goals.push(atMost(`control: ${scenario.name}: goodput without tolerance of noise`, control.goodput, 0.87))
  }
  for (const scenario of hard) figures.push(...figuresOf(scenario, gradient, await measure(scenario, gradient)))
  return { name: 'adaptive', figures, goals }
}

async function measure(scenario: Scenario, rule: Rule): Promise<Verdict> {
  progress(`${scenario.name}: ${rule.name}`)
  const verdicts: Verdict[] = []
  for (let seed = 1; seed <= runs; seed++) verdicts.push(await simulate(scenario, rule, seed))
  const mean = (key: keyof Verdict) => verdicts.reduce((sum, verdict) => sum + verdict[key], 0) / runs
  return {
    goodput: mean('goodput'),
    rejected: mean('rejected'),
    settledSeconds: Math.max(...verdicts.map(verdict => verdict.settledSeconds)),
    inside: mean('inside'),
    unfairness: median(verdicts.map(verdict => verdict.unfairness)),
  }
}

function figuresOf({ name, executors }: Scenario, rule: Rule, verdict: Verdict): Figure[] {
  const { goodput, rejected, settledSeconds, inside, unfairness } = verdict
  const settled = Number.isNaN(settledSeconds)
    ? figure('  settled', -1, 's', { peer: 'never' })
    : figure('  settled', settledSeconds, 's')
  return [
    figure(`${name}: ${rule.name}: goodput`, 100 * goodput, '%'),
    figure('  rejected', 100 * rejected, '%'),
    settled,
    figure('  inside ÷ worked on', inside, ''),
    ...(executors ? [figure('  the most served ÷ the least, median', unfairness, '')] : []),
  ]
}

function goalsOf({ name }: Scenario, verdict: Verdict, least: { goodput: number; rejected: number }): Goal[] {
  return [
    atLeast(`${name}: goodput`, verdict.goodput, least.goodput),
    atMost(`${name}: rejected`, verdict.rejected, least.rejected),
    atMost(`${name}: settled after, s`, verdict.settledSeconds, 10),
  ]
}
