import { isHotwellError } from '../core/errors.ts'
import { createSync } from '../sync/create-sync.ts'
import type { Target, TargetConnection } from '../sync/target.ts'
import { InstantClock } from './instant-clock.ts'
import { SeededRandom } from './seeded-random.ts'
import { fail, ModelData, Process } from './sync-model.ts'

/** A target, as tests see it. */
export interface TargetHarness {
  readonly target: Target
  /** What is there now of that sync: as {@link ModelData.expected}. */
  read(sync: string): Promise<{ elements: string[]; relations: string[]; pending: string[] }>
  /** What a control breaks, between the processes and the target. */
  disturb?(connection: TargetConnection): TargetConnection
  /** What was written twice, or where a position went back; empty if all is well. */
  wrong?(): readonly string[]
  dispose?(): Promise<void>
}

export interface SyncSchedulesOptions {
  /** Of random schedules. */
  runs: number
  /** The first of them. @default 1 */
  seed?: number
}

/**
 * Random schedules: data that changes between runs, processes that are killed or stopped at any step, and go on when
 * another one has taken over. Whatever happened, a run that is completed leaves the target as the source is, and another one
 * of the same data writes nothing.
 */
export async function playSyncSchedules(
  make: (random: SeededRandom) => Promise<TargetHarness>,
  { runs, seed = 1 }: SyncSchedulesOptions,
): Promise<void> {
  for (let number = seed; number < seed + runs; number++) await play(make, number)
}

async function play(make: (random: SeededRandom) => Promise<TargetHarness>, seed: number): Promise<void> {
  const random = new SeededRandom(seed)
  const harness = await make(random)
  const data = new ModelData(random, random.chance(0.5))
  const pageRecords = 1 + random.below(4)
  const batchSize = 1 + random.below(6)
  const trace: string[] = []
  const sleepers: Process[] = []
  /** By the last run that was completed. */
  let written = 0
  try {
    for (let round = 0; round < 3; round++) {
      let isChanged = false
      for (let ends = random.below(4); ends > 0; ends--) {
        const kind = random.chance(0.7) ? 'kill' : 'stop'
        const process = new Process(1 + random.below(120), kind)
        const ended = await begin(process)
        trace.push(`run ${ended}`)
        if (process.isStopped) sleepers.push(process)
        if (random.chance(0.3)) {
          mutate()
          isChanged = true
        }
        if (random.chance(0.5)) sleepers.shift()?.continue()
      }
      // One that goes on with another has not seen all that changed since that one read; one that had slept before it
      // claimed may claim in between.
      const again = ['superseded', ...(isChanged ? ['resumed and completed'] : [])]
      let ended = await begin(new Process())
      for (let tries = 0; again.includes(ended) && tries < 5; tries++) ended = await begin(new Process())
      trace.push(`run ${ended}`)
      if (!ended.endsWith('completed')) fail(`seed ${seed}: a run that nobody disturbs is ${ended}`, trace)
      const found = JSON.stringify(await harness.read('plant'))
      const expected = JSON.stringify(data.expected())
      if (found !== expected) fail(`seed ${seed}: the target has\n${found}\ninstead of\n${expected}`, trace)
      const [wrong] = harness.wrong?.() ?? []
      if (wrong) fail(`seed ${seed}: ${wrong}`, trace)
      if (random.chance(0.3)) await runAgain(ended)
      mutate()
    }
  } finally {
    for (const sleeper of sleepers) sleeper.continue()
    await harness.dispose?.()
  }

  /** Behind a whole run from the beginning, the next one of the same data has nothing to write. */
  async function runAgain(former: string): Promise<void> {
    // A first run refuses changes that come before their element; from the second one on they are known.
    const isReady = former === 'completed' && !data.hasEarlyChanges
    const ended = isReady ? former : await begin(new Process())
    const again = await begin(new Process())
    trace.push(`run ${again} again`)
    if (ended !== 'completed' || again !== 'completed') return
    if (written > 0) fail(`seed ${seed}: a run of the same data writes ${written} records`, trace)
    const found = JSON.stringify(await harness.read('plant'))
    if (found !== JSON.stringify(data.expected())) fail(`seed ${seed}: the second time the target has\n${found}`, trace)
  }

  function disturbed(target: Target): Target {
    const { disturb } = harness
    return disturb ? { ...target, connect: async sync => disturb(await target.connect(sync)) } : target
  }

  function mutate(): void {
    data.mutate()
    trace.push('mutation')
  }

  async function begin(process: Process): Promise<string> {
    const sync = createSync({
      name: 'plant',
      source: process.source(data, pageRecords),
      target: disturbed(process.target(harness.target)),
      strategy: { batchSize, deleteGuard: { fraction: 1 } },
      clock: new InstantClock(),
    })
    const run = sync.run().then(
      ({ resumed, succeeded, deleted }) => {
        written = succeeded + deleted
        return resumed ? 'resumed and completed' : 'completed'
      },
      error => (isHotwellError(error, 'superseded') ? 'superseded' : `failed: ${error.stack}`),
    )
    return Promise.race([run, process.ended])
  }
}
