import { createTokenManager, type TokenManagerOptions } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import { FakeClock } from 'hotwell/testing'
import { progress } from '../harness/progress.ts'
import { atLeast, atMost, type BenchmarkResult, exactly, type Figure, figure, type Goal } from '../harness/result.ts'
import { seededRandom } from '../harness/statistics.ts'
import { ExpiryCache } from './expiry-cache.ts'
import { ModelProvider } from './model-provider.ts'
import { type Served, startTraffic, type TrafficFigures } from './traffic.ts'

const tokens = 10_000
const lifeMs = 7_200_000
const perSecond = 50
/** The provider counts within any second, so acquisitions are spread over it instead of coming in one burst. */
const quota = { perSecond }
const perMinute = 1
const hours = 24
const hourMs = 3_600_000

interface Day {
  readonly name: string
  readonly traffic: TrafficFigures
  readonly provider: ModelProvider
}

interface Schedule {
  readonly name: string
  readonly preheat: TokenManagerOptions<Record<string, never>>['preheat']
  /** As documented: threshold and half the jitter, less the 0 to 10 % by which tokens differ. */
  readonly meanMarginMs: number
}

const schedules: readonly Schedule[] = [
  { name: 'default', preheat: undefined, meanMarginMs: 900_000 * 0.95 },
  {
    name: '300 s + 300 s jitter',
    preheat: { thresholdSeconds: 300, jitterSeconds: 300 },
    meanMarginMs: (300_000 + 300_000 / 2) * 0.95,
  },
]

/** A simulated day of 10,000 tokens. Everything is counted after each token's first acquisition. */
export async function preheat(): Promise<BenchmarkResult> {
  const uncached = await dayOfControl('no preheating')
  const polled = await dayOfControl('polling 1,800 s / 900 s', control => control.poll(1_800_000, 900_000))
  const figures: Figure[] = [...figuresOf(uncached), ...figuresOf(polled)]
  const goals: Goal[] = []
  for (const schedule of schedules) {
    const { name, meanMarginMs } = schedule
    const day = await dayOfHotwell(schedule)
    const { traffic, provider } = day
    const limit = (1.02 * lifeMs) / (lifeMs - meanMarginMs)
    const saved = 1 - meanWaitMs(traffic) / meanWaitMs(uncached.traffic)
    figures.push(...figuresOf(day, `≤ ${limit.toFixed(3)}`))
    goals.push(
      exactly(`${name}: callers blocked`, traffic.blocked, 0),
      exactly(`${name}: answers 429`, provider.refusedLater, 0),
      atMost(`${name}: acquisitions ÷ needed`, provider.acquisitionsPerNeeded(), limit),
      atLeast(`${name}: mean wait saved against no preheating`, saved, 0.9),
    )
  }
  goals.push(atLeast('control: callers blocked by polling', polled.traffic.blocked, 1))
  return { name: 'preheat', figures, goals }
}

async function dayOfHotwell({ name, preheat }: Schedule): Promise<Day> {
  const clock = new FakeClock()
  const provider = modelProvider(clock)
  const manager = createTokenManager({
    providers: {
      model: custom({
        kinds: ['tenant'],
        quota,
        acquire: ({ ref }) => provider.issue(Number(ref.subject)),
      }),
    },
    preheat,
    clock,
  })
  const handles = Array.from({ length: tokens }, (_, token) => manager.token(`model/tenant/${token}`))
  const served: Served = { peek: token => handles[token]!.peek(), get: token => handles[token]!.get() }
  const day = await simulate(name, clock, provider, served)
  const closed = manager.close()
  // Closing waits for what runs, on the simulated clock.
  await clock.advance(60_000)
  await closed
  return day
}

async function dayOfControl(name: string, prepare: (control: ExpiryCache) => void = () => {}): Promise<Day> {
  const clock = new FakeClock()
  const provider = modelProvider(clock)
  const control = new ExpiryCache(clock, provider, { tokens, perSecond })
  prepare(control)
  return simulate(name, clock, provider, control)
}

function modelProvider(clock: FakeClock): ModelProvider {
  return new ModelProvider({ clock, random: seededRandom(1), tokens, lifeMs, perSecond })
}

async function simulate(name: string, clock: FakeClock, provider: ModelProvider, served: Served): Promise<Day> {
  const startedAt = performance.now()
  const traffic = startTraffic(clock, served, { provider, random: seededRandom(2), tokens, perMinute })
  for (let hour = 1; hour <= hours; hour++) {
    await clock.advance(hourMs)
    if (hour % 6 === 0) progress(`${name}: hour ${hour} after ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  }
  return { name, traffic, provider }
}

function meanWaitMs({ waitedMs, requests }: TrafficFigures): number {
  return waitedMs / requests
}

function figuresOf({ name, traffic, provider }: Day, limit?: string): Figure[] {
  const needed = ((hours * hourMs) / lifeMs) * tokens
  return [
    figure(`${name}: requests`, traffic.requests, ''),
    figure('  callers blocked', traffic.blocked, '', { limit: limit && '0' }),
    figure('  of these with an error', traffic.failed, ''),
    figure('  mean wait of all requests', meanWaitMs(traffic), 'ms'),
    figure('  acquisitions', sum(provider.issued), '', { peer: `${needed} lives in ${hours} h` }),
    figure('  acquisitions ÷ needed', provider.acquisitionsPerNeeded(), '', { limit }),
    figure('  answers 429', provider.refusedLater, '', { limit: limit && '0' }),
    figure('  answers 429 to first acquisitions', provider.refusedFirst, ''),
    figure('  peak', provider.peakPerSecond, '/s', { peer: `quota ${perSecond}/s` }),
    figure('  provider latency P99', provider.latency.percentile(0.99), 'ms'),
  ]
}

function sum(counts: Uint32Array): number {
  return counts.reduce((total, count) => total + count, 0)
}
