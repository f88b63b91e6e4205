import { setTimeout as sleep } from 'node:timers/promises'
import { createTokenManager, type TokenHandle } from 'hotwell'
import { custom } from 'hotwell/providers/custom'
import { progress } from '../harness/progress.ts'
import { atLeast, atMost, type BenchmarkResult, exactly, figure } from '../harness/result.ts'
import { createShiftedClock, type ShiftedClock } from '../harness/shifted-clock.ts'
import { median } from '../harness/statistics.ts'
import { larkStampede } from './lark-stampede.ts'
import { MutexCache } from './mutex-cache.ts'
import { fetchTimeMs, SlowSource, timeOfAll } from './slow-source.ts'

const callers = 10_000
const rounds = 31
const keyCount = 100
const keyRounds = 3
/** Each of these is a request of its own, with a socket of its own. */
const larkCallers = 1000
const lifeMs = 7_200_000

/** Many callers, one token that is not there any more, 50 ms to fetch it. */
export async function stampede(): Promise<BenchmarkResult> {
  const source = new SlowSource()
  const clock = createShiftedClock()
  const provider = custom({
    kinds: ['tenant'],
    acquire: async () => ({ value: await source.fetch(), expiresInSeconds: lifeMs / 1000 }),
  })
  const manager = createTokenManager({ providers: { slow: provider }, clock })
  try {
    const handle = manager.token('slow/tenant/acme')
    const get = () => handle.get()
    await handle.get()

    const floorMs: number[] = []
    const tookMs: number[] = []
    const overheadMs: number[] = []
    const acquisitions: number[] = []
    const softMs: number[] = []
    const softAcquisitions: number[] = []
    for (let round = 0; round <= rounds; round++) {
      globalThis.gc?.()
      let shared: Promise<string> | undefined
      const floor = await timeOfAll(callers, () => (shared ??= source.fetch()))

      globalThis.gc?.()
      await clock.skip(lifeMs + 1000)
      let before = source.asked
      const took = await timeOfAll(callers, get)
      const acquired = source.asked - before
      const overhead = took - source.lastMs

      globalThis.gc?.()
      await clock.skip(lifeMs - 300_000)
      if (handle.inspect().state !== 'stale')
        throw new Error(`The token was to be stale and is ${handle.inspect().state}.`)
      before = source.asked
      const soft = await timeOfAll(callers, get)
      await sleep(3 * fetchTimeMs)
      // The first round is for the compiler.
      if (round === 0) continue
      floorMs.push(floor)
      tookMs.push(took)
      overheadMs.push(overhead)
      acquisitions.push(acquired)
      softMs.push(soft)
      softAcquisitions.push(source.asked - before)
    }

    progress(`${keyCount} keys`)
    const handles = Array.from({ length: keyCount }, (_, index) => manager.token(`slow/tenant/t${index}`))
    const keys = await manyKeys(handles, clock, source)
    progress(`Lark's SDK, ${larkCallers} callers`)
    const lark = await larkStampede(larkCallers)

    const peer = `shared promise ${median(floorMs).toFixed(1)} ms`
    return {
      name: 'stampede',
      figures: [
        figure('shared-promise floor', median(floorMs), 'ms'),
        figure('10,000 callers, token expired', median(tookMs), 'ms', { peer, limit: 'fetch + 3 ms' }),
        figure('  of this not the fetch', median(overheadMs), 'ms', { limit: '≤ 3 ms' }),
        figure('  slowest round, not the fetch', Math.max(...overheadMs), 'ms'),
        figure('  acquisitions, most in a round', Math.max(...acquisitions), '', { limit: 'exactly 1' }),
        figure('10,000 callers, soft window', median(softMs), 'ms', { peer: 'fetch takes 50 ms', limit: '≤ 3 ms' }),
        figure('  acquisitions, most in a round', Math.max(...softAcquisitions), ''),
        figure('100 keys, 100 callers each', keys.hotwellMs, 'ms', {
          peer: `one mutex ${keys.mutexMs.toFixed(0)} ms`,
          limit: '≥ 4 × faster',
        }),
        figure(`Lark's node-sdk, ${larkCallers} callers`, lark.tookMs, 'ms'),
        figure(`  fetches for ${larkCallers} callers`, lark.fetches, '', { peer: 'Hotwell 1' }),
      ],
      goals: [
        exactly('acquisitions in every round', worst(acquisitions), 1),
        exactly('acquisitions in the soft window in every round', worst(softAcquisitions), 1),
        atMost('10,000 callers, ms beyond the fetch', median(overheadMs), 3),
        atMost('10,000 callers in the soft window, ms', median(softMs), 3),
        atLeast('100 keys at once, times as fast as the mutex', keys.mutexMs / keys.hotwellMs, 4),
        exactly('acquisitions per key', keys.acquisitionsPerKey, 1),
      ],
    }
  } finally {
    await manager.close()
  }
}

/** The count that is farthest from one. */
function worst(counts: readonly number[]): number {
  return counts.find(count => count !== 1) ?? 1
}

async function manyKeys(handles: readonly TokenHandle[], clock: ShiftedClock, source: SlowSource) {
  await Promise.all(handles.map(handle => handle.get()))
  const hotwellMs: number[] = []
  const mutexMs: number[] = []
  const acquired: number[] = []
  for (let round = 0; round < keyRounds; round++) {
    await clock.skip(lifeMs + 1000)
    const before = source.asked
    hotwellMs.push(await timeOfAll(callers, caller => handles[caller % keyCount]!.get()))
    acquired.push((source.asked - before) / keyCount)
    const control = new MutexCache()
    mutexMs.push(await timeOfAll(callers, caller => control.get(`t${caller % keyCount}`, () => source.fetch())))
  }
  return { hotwellMs: median(hotwellMs), mutexMs: median(mutexMs), acquisitionsPerKey: worst(acquired) }
}
