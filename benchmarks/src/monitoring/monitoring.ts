import { setImmediate } from 'node:timers/promises'
import { type AcquisitionRecord, createTokenManager, type TokenManager } from 'hotwell'
import { createSystemClock } from 'hotwell/core'
import { createPerformanceMonitor } from 'hotwell/monitoring'
import { custom } from 'hotwell/providers/custom'
import { startChild } from '../harness/child.ts'
import { progress } from '../harness/progress.ts'
import { atMost, type BenchmarkResult, figure } from '../harness/result.ts'
import { median, shuffled } from '../harness/statistics.ts'

const tokens = 200
const warmUpRounds = 10
const observations = 20_000

type Issue = () => Promise<{ value: string; expiresInSeconds: number }>

interface Measured {
  /** CPU microseconds of an acquisition. */
  readonly unwatched: number
  readonly watched: number
  /** Medians of the differences within a round, as shares of an acquisition. */
  readonly share: number
  /** The same between two that are both unwatched: what the measurement cannot tell from nothing. */
  readonly noise: number
  readonly records: readonly AcquisitionRecord[]
}

/** What watching costs of an acquisition's CPU: the same manager with and without, in turns. */
export async function monitoring(): Promise<BenchmarkResult> {
  const issuer = startChild(new URL('issuer.ts', import.meta.url))
  const url = `http://127.0.0.1:${await issuer.ask<number>('listen')}/token`
  const overHttp = await compare('over HTTP', async () => (await fetch(url, { method: 'POST' })).json() as never, {
    rounds: 101,
    passes: 1,
  })
  await issuer.close()
  let issued = 0
  const atOnce = await compare('at once', async () => ({ value: `token-${++issued}`, expiresInSeconds: 7200 }), {
    rounds: 101,
    passes: 4,
  })
  const observedUs = costOfObserving(atOnce.records)
  return {
    name: 'monitoring',
    figures: [
      figure('CPU of an acquisition over HTTP, unwatched', overHttp.unwatched, 'µs'),
      figure('  watched', overHttp.watched, 'µs'),
      figure('  noise: two that are both unwatched', overHttp.noise * 100, '%'),
      figure('  watching', overHttp.share * 100, '%', { limit: '≤ 5 %' }),
      figure('CPU of an acquisition from a provider that answers at once, unwatched', atOnce.unwatched, 'µs'),
      figure('  watched', atOnce.watched, 'µs'),
      figure('  noise: two that are both unwatched', atOnce.noise * 100, '%'),
      figure('  watching', atOnce.share * 100, '%'),
      figure('the performance monitor alone, a start and an end', observedUs, 'µs'),
    ],
    goals: [
      atMost('watching, share of the CPU of an acquisition over HTTP', overHttp.share, 0.05),
      atMost('performance monitor, share of an acquisition answered at once', observedUs / atOnce.unwatched, 0.05),
    ],
  }
}

async function compare(
  name: string,
  issue: Issue,
  { rounds, passes }: { rounds: number; passes: number },
): Promise<Measured> {
  const unwatched = candidate(issue, false)
  const twin = candidate(issue, false)
  const watched = candidate(issue, true)
  const records: AcquisitionRecord[] = []
  watched.manager.on('acquisition.finished', record => records.length < observations && records.push(record))
  for (let round = 1 - warmUpRounds; round <= rounds; round++) {
    for (const { refresh, cpuUs } of shuffled([unwatched, twin, watched])) {
      globalThis.gc?.()
      const before = process.threadCpuUsage()
      for (let pass = 0; pass < passes; pass++) await refresh()
      const { user, system } = process.threadCpuUsage(before)
      if (round > 0) cpuUs.push((user + system) / (tokens * passes))
    }
    if (round % 20 === 0) progress(`${name}: round ${round} of ${rounds}`)
  }
  for (const { manager } of [unwatched, twin, watched]) await manager.close()
  const shareOf = (one: readonly number[]) => median(one.map((us, round) => us / unwatched.cpuUs[round]! - 1))
  return {
    unwatched: median(unwatched.cpuUs),
    watched: median(watched.cpuUs),
    share: shareOf(watched.cpuUs),
    noise: shareOf(twin.cpuUs),
    records,
  }
}

function candidate(issue: Issue, monitored: boolean) {
  const court = custom({ kinds: ['account'], acquire: issue })
  const gate = { maxConcurrentAcquisitions: 1000, maxConcurrentPerSite: 1000 }
  const manager = createTokenManager({ providers: { court }, monitoring: monitored, preheat: false, gate })
  const handles = Array.from({ length: tokens }, (_, index) => manager.token(`court/account/zhang${index}`))
  const refresh = async () => {
    await Promise.all(handles.map(handle => handle.refresh()))
    // What answers at once never leaves the job it began in, and until that ends no weak reference lets go.
    await setImmediate()
  }
  return { manager: manager as unknown as TokenManager, refresh, cpuUs: [] as number[] }
}

/** In a loop of its own, where nothing else is measured; the alerts are evaluated in it, too. */
function costOfObserving(records: readonly AcquisitionRecord[]): number {
  const monitor = createPerformanceMonitor({ clock: createSystemClock() })
  const took: number[] = []
  for (let round = 0; round < 20; round++) {
    const before = process.threadCpuUsage()
    for (const record of records) {
      monitor.recordStart(record.id, record.provider, record.subject)
      monitor.observe(record)
    }
    monitor.health()
    const { user, system } = process.threadCpuUsage(before)
    took.push((user + system) / records.length)
  }
  monitor.close()
  return median(took)
}
