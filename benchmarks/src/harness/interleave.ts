import { median, shuffled } from './statistics.ts'
import type { Loop } from './variant.ts'

export interface InterleaveOptions {
  /** Each round measures every loop once, in a new random order. */
  readonly rounds: number
  /** How long one measurement takes about, in milliseconds; a slow loop makes one pass at least. */
  readonly sampleMs: number
  /** How many calls a pass makes. */
  readonly callsPerPass: number
  /** Told after every round. */
  onRound?(round: number): void
}

interface Measured {
  readonly name: string
  readonly loop: Loop
  readonly passes: number
  readonly samples: number[]
}

/**
 * Nanoseconds a call of each loop: the median of many short rounds. Whatever slows the machine for a while hits all of
 * them, and garbage of one is collected before the next is measured.
 */
export async function interleave(
  loops: ReadonlyMap<string, Loop>,
  options: InterleaveOptions,
): Promise<Map<string, number>> {
  const all = await interleavedSamples(loops, options)
  return new Map(Array.from(all, ([name, samples]) => [name, median(samples)]))
}

/** The same with the figure of each round, in the order of the rounds. */
export async function interleavedSamples(
  loops: ReadonlyMap<string, Loop>,
  options: InterleaveOptions,
): Promise<Map<string, number[]>> {
  const { rounds, sampleMs, callsPerPass, onRound } = options
  const measured: Measured[] = []
  for (const [name, loop] of loops) measured.push({ name, loop, passes: await warmUp(loop, sampleMs), samples: [] })
  for (let round = 1; round <= rounds; round++) {
    collectGarbage('major')
    for (const { loop, passes, samples } of shuffled(measured)) {
      collectGarbage('minor')
      const startedAt = performance.now()
      await loop(passes)
      samples.push(((performance.now() - startedAt) * 1e6) / (passes * callsPerPass))
    }
    onRound?.(round)
  }
  return new Map(measured.map(({ name, samples }) => [name, samples]))
}

/** As many samples as a loop runs before it is measured: less, and a busy machine has not compiled all of it yet. */
const warmUpSamples = 150

/** Runs a loop until it is compiled and returns how many passes fill a sample. */
async function warmUp(loop: Loop, sampleMs: number): Promise<number> {
  const until = performance.now() + warmUpSamples * sampleMs
  let passes = 1
  for (;;) {
    const startedAt = performance.now()
    await loop(passes)
    const now = performance.now()
    if (now >= until) return passes
    if (now - startedAt < sampleMs / 2) passes *= 2
  }
}

function collectGarbage(type: 'major' | 'minor'): void {
  if (!globalThis.gc) throw new Error('The benchmark needs node --expose-gc.')
  globalThis.gc({ type, execution: 'sync' })
}
