import { AssertionError } from 'node:assert/strict'
import type { TokenStore } from '../tokens/token-store.ts'
import { FakeClock } from './fake-clock.ts'
import { keyOf, type MakeStore, type TestFunction } from './token-store-harness.ts'
import { Judge, ModelProcess, ModelProvider, modelTimes } from './token-store-model.ts'

export interface SchedulesOptions {
  /** How many random schedules are tried, per kind of grant. Default 200. */
  runs?: number
  /** The first random schedule. Each failure names its own seed. Default 1. */
  seed?: number
  /**
   * Exhaustive part: every schedule of two processes with so many faults at any steps. 1: some hundred schedules, 2:
   * some thousand. Default 1.
   */
  faults?: 1 | 2
}

/** The model test: exhaustive over few faults, random over many. */
export function scheduleClauses(test: TestFunction, makeStore: MakeStore, options: SchedulesOptions = {}): void {
  const { runs = 200, seed = 1, faults = 1 } = options
  for (const rotating of [false, true]) {
    const kind = rotating ? 'rotating refresh tokens' : 'client credentials'
    test(`model, ${kind}: every schedule of two processes with ${faults} of the faults at any step`, () =>
      withStores(makeStore, 2, async (stores, clock) => {
        let number = 0
        for (const schedule of exhaustiveSchedules(faults))
          await play({ stores, clock, rotating, name: `exhaustive ${number++}`, warm: true }, schedule)
      }))
    test(`model, ${kind}: ${runs} random schedules of three processes`, () =>
      withStores(makeStore, 3, async (stores, clock) => {
        for (let run = seed; run < seed + runs; run++)
          await play({ stores, clock, rotating, name: `seed ${run}`, warm: run % 2 === 0 }, randomSchedule(run, 3, 60))
      }))
  }
}

/** A fault that befalls all, or one process making a step, or crashing. */
export type Action = 'pause' | 'age' | 'ahead' | 'back' | 'reject' | 'outage' | { step: number } | { crash: number }

interface World {
  stores: readonly TokenStore[]
  clock: FakeClock
  rotating: boolean
  name: string
  /** All processes hold a token in its soft window at the start. */
  warm: boolean
}

const hourMs = 3_600_000
const fairRounds = 150

/** Plays a schedule, then lets everybody run in turn: each must be served a good token within a bound. */
async function play({ stores, clock, rotating, name, warm }: World, schedule: Iterable<Action>): Promise<void> {
  const key = keyOf(`model/client?run=${name}${rotating}`)
  const provider = new ModelProvider(clock, rotating)
  const judge = new Judge(clock, provider)
  const trace: string[] = []
  let born = 0
  const start = (index: number) => {
    const process = new ModelProcess(`P${index}.${born++}`, key, stores[index]!, clock, provider, judge)
    return { process, life: process.life(), next: 'start' }
  }
  const running = stores.map((_, index) => start(index))
  const act = async (action: Action) => {
    if (typeof action === 'string') {
      trace.push(action)
      befall(action, clock, provider, judge)
    } else if ('crash' in action) {
      trace.push(`crash ${running[action.crash]!.process.name}`)
      running[action.crash] = start(action.crash)
    } else {
      const { process, life, next } = running[action.step]!
      trace.push(`${process.name} ${next}`)
      running[action.step]!.next = (await life.next()).value
    }
  }
  const round = async () => {
    for (let index = 0; index < running.length; index++) await act({ step: index })
  }
  try {
    if (warm) {
      while (running.some(({ process }) => process.served === 0)) await round()
      await act('age')
    }
    for (const action of schedule) await act(action)
    provider.down = false
    const before = running.map(({ process }) => process.served)
    const waiting = () => running.some(({ process }, index) => process.served <= before[index]!)
    for (let turn = 0; turn < fairRounds && waiting(); turn++) {
      clock.freeze(modelTimes.ttlMs / 8)
      await round()
    }
    if (waiting()) throw new AssertionError({ message: 'no livelock: somebody was never served' })
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    throw new AssertionError({ message: `${name}: ${what}\n  after: ${trace.join(', ')}` })
  }
}

function befall(fault: Action & string, clock: FakeClock, provider: ModelProvider, judge: Judge): void {
  if (fault === 'pause') clock.freeze(modelTimes.ttlMs + 1)
  else if (fault === 'age') clock.freeze(modelTimes.softMs + 1)
  else if (fault === 'ahead') clock.jumpWall(hourMs)
  else if (fault === 'back') clock.jumpWall(-hourMs)
  else if (fault === 'outage') provider.down = !provider.down
  else if (judge.current) provider.reject(judge.current.value)
}

/**
 * Process 0 makes some steps, a fault comes, process 1 makes some steps, a second fault comes; then process 0 goes on
 * where it was. Every number of steps with every fault: the last steps lie beyond a commit.
 */
function* exhaustiveSchedules(faults: 1 | 2): Generator<Action[]> {
  const steps = 8
  const befalling: (Action | undefined)[] = [undefined, 'pause', 'ahead', 'back', 'reject', 'outage', { crash: 0 }]
  const later: (Action | undefined)[] = faults === 1 ? [undefined] : [...befalling, { crash: 1 }]
  const some = (process: number, count: number): Action[] => Array.from({ length: count }, () => ({ step: process }))
  for (let first = 0; first <= steps; first++)
    for (const fault of befalling)
      for (let second = 0; second <= steps; second++)
        for (const lateFault of later)
          yield [
            ...some(0, first),
            ...(fault ? [fault] : []),
            ...some(1, second),
            ...(lateFault ? [lateFault] : []),
            ...some(0, steps),
          ]
}

function* randomSchedule(seed: number, processes: number, length: number): Generator<Action> {
  const random = seededRandom(seed)
  const pick = (count: number) => Math.floor(random() * count)
  const rare: Action[] = ['pause', 'age', 'ahead', 'back', 'reject', 'outage']
  for (let i = 0; i < length; i++) {
    const roll = random()
    if (roll < 0.8) yield { step: pick(processes) }
    else if (roll < 0.87) yield { crash: pick(processes) }
    else yield rare[pick(rare.length)]!
  }
}

/** A linear congruential generator: a seed gives the same schedule everywhere. */
function seededRandom(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) / 2 ** 24
  }
}

async function withStores(
  makeStore: MakeStore,
  count: number,
  run: (stores: TokenStore[], clock: FakeClock) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock()
  const harness = await makeStore(clock)
  const stores: TokenStore[] = []
  try {
    for (let i = 0; i < count; i++) stores.push(await harness.connect())
    for (const store of stores) await store.open()
    await run(stores, clock)
  } finally {
    for (const store of stores) await store.close()
    await harness.dispose?.()
  }
}
