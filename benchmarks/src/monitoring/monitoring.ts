import { type AcquisitionRecord, createTokenManager, type TokenHandle, type TokenManager } from 'hotwell'
import { createSystemClock } from 'hotwell/core'
import { createPerformanceMonitor } from 'hotwell/monitoring'
import { custom } from 'hotwell/providers/custom'
import { progress } from '../harness/progress.ts'
import { atMost, type BenchmarkResult, figure } from '../harness/result.ts'
import { median, shuffled } from '../harness/statistics.ts'

const rounds = 201
const warmUpRounds = 20
const tokens = 200
const observations = 20_000

interface Candidate {
  readonly manager: TokenManager
  readonly handles: readonly TokenHandle[]
  readonly cpuUs: number[]
}

/**
 * What watching costs of an acquisition's CPU: the same manager with and without, in turns. Its provider answers at
 * once and its store is memory, so that the acquisition costs the least it can, and the share is the largest.
 */
export async function monitoring(): Promise<BenchmarkResult> {
  const watched = candidate(true)
  const unwatched = candidate(false)
  const records: AcquisitionRecord[] = []
  watched.manager.on('acquisition.finished', record => records.length < observations && records.push(record))
  for (let round = 1 - warmUpRounds; round <= rounds; round++) {
    for (const { handles, cpuUs } of shuffled([watched, unwatched])) {
      globalThis.gc?.()
      const before = process.cpuUsage()
      await Promise.all(handles.map(handle => handle.refresh()))
      const { user, system } = process.cpuUsage(before)
      if (round > 0) cpuUs.push((user + system) / tokens)
    }
    if (round % 50 === 0) progress(`round ${round} of ${rounds}`)
  }
  await watched.manager.close()
  await unwatched.manager.close()
  const withoutUs = median(unwatched.cpuUs)
  const addedUs = median(watched.cpuUs.map((us, round) => us - unwatched.cpuUs[round]!))
  const observedUs = costOfObserving(records)
  return {
    name: 'monitoring',
    figures: [
      figure('CPU of an acquisition, unwatched', withoutUs, 'µs'),
      figure('CPU of an acquisition, watched', median(watched.cpuUs), 'µs'),
      figure('  of this watching, by difference', addedUs, 'µs', { limit: '≤ 5 % of an acquisition' }),
      figure('the performance monitor alone, a start and an end', observedUs, 'µs'),
    ],
    goals: [
      atMost('watching, share of the CPU of an acquisition', addedUs / withoutUs, 0.05),
      atMost('performance monitor, share of the CPU of an acquisition', observedUs / withoutUs, 0.05),
    ],
  }
}

function candidate(monitored: boolean): Candidate {
  let issued = 0
  const provider = custom({
    kinds: ['account'],
    acquire: async () => ({ value: `token-${++issued}`, expiresInSeconds: 7200 }),
  })
  const gate = { maxConcurrentAcquisitions: 1000, maxConcurrentPerSite: 1000 }
  const manager = createTokenManager({ providers: { court: provider }, monitoring: monitored, preheat: false, gate })
  const handles = Array.from({ length: tokens }, (_, index) => manager.token(`court/account/zhang${index}`))
  return { manager: manager as unknown as TokenManager, handles, cpuUs: [] }
}

/** In a loop of its own, where nothing else is measured. Evaluating alerts, once a second, is part of it. */
function costOfObserving(records: readonly AcquisitionRecord[]): number {
  const monitor = createPerformanceMonitor({ clock: createSystemClock() })
  const took: number[] = []
  for (let round = 0; round < 20; round++) {
    const before = process.cpuUsage()
    for (const record of records) {
      monitor.recordStart(record.id, record.provider, record.subject)
      monitor.observe(record)
    }
    monitor.health()
    const { user, system } = process.cpuUsage(before)
    took.push((user + system) / records.length)
  }
  monitor.close()
  return median(took)
}
