import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createSyncMonitor, type SyncMonitor } from 'hotwell/monitoring'
import { jsonl } from 'hotwell/sources/jsonl'
import { createSync, type SyncEvents } from 'hotwell/sync'
import { sqlite } from 'hotwell/targets/sqlite'
import { writePlant } from '../harness/plant-rows.ts'
import { progress } from '../harness/progress.ts'
import { atMost, type BenchmarkResult, figure } from '../harness/result.ts'
import { median, shuffled } from '../harness/statistics.ts'
import { temporaryFolder } from '../harness/temporary-folder.ts'

const warmUpRounds = 3
const names = ['unwatched', 'twin', 'watched'] as const
type Name = (typeof names)[number]

interface Scene {
  /** For progress. */
  readonly name: string
  readonly folder: string
  readonly records: number
  readonly batchSize: number
  readonly rounds: number
}

interface Measured {
  /** CPU milliseconds of a run. */
  readonly unwatched: number
  readonly watched: number
  /** Medians of the differences within a round, as shares of a run. */
  readonly share: number
  /** The same between two that are both unwatched: what the measurement cannot tell from nothing. */
  readonly noise: number
  /** The events of one run, handed to a monitor in a loop, as a share of the run. */
  readonly aloneShare: number
  /** Microseconds of a page and a transaction. */
  readonly aloneUs: number
}

/** What watching costs of a run's CPU: the same run from JSONL to SQLite with and without, in turns. */
export async function syncMonitoring(): Promise<BenchmarkResult> {
  await using folder = await temporaryFolder()
  const large = await measure({
    name: 'usual batches',
    folder: folder.path,
    records: 200_000,
    batchSize: 1000,
    rounds: 25,
  })
  const small = await measure({ name: 'batches of 10', folder: folder.path, records: 5000, batchSize: 10, rounds: 41 })
  // Transactions of ten records are nobody's default: what they show is the cost of an event, and they have no goal.
  const lines = (
    text: string,
    limit: { limit?: string },
    { unwatched, watched, share, noise, aloneShare, aloneUs }: Measured,
  ) => [
    figure(`CPU of a run, ${text}, unwatched`, unwatched, 'ms'),
    figure('  watched', watched, 'ms'),
    figure('  noise: two that are both unwatched', noise * 100, '%'),
    figure('  watching', share * 100, '%', limit),
    figure('  the monitor alone, the events of a run', aloneShare * 100, '%', limit),
    figure('  the monitor alone, a page and a transaction', aloneUs, 'µs'),
  ]
  return {
    name: 'sync-monitoring',
    figures: [
      ...lines('200,000 records in batches of 1,000', { limit: '≤ 3 %' }, large),
      ...lines('5,000 records in batches of 10', {}, small),
    ],
    goals: [
      atMost("watching, share of a run's CPU", large.share, 0.03),
      atMost("monitor alone, share of a run's CPU", large.aloneShare, 0.03),
    ],
  }
}

async function measure(scene: Scene): Promise<Measured> {
  const { name, folder, records, rounds } = scene
  const source = join(folder, `plant-${records}.jsonl`)
  await writePlant(source, records)
  const monitor = createSyncMonitor()
  const cpuMs: Record<Name, number[]> = { unwatched: [], twin: [], watched: [] }
  const events = await eventsOf(scene, source)
  for (let round = 1 - warmUpRounds; round <= rounds; round++) {
    for (const variant of shuffled(names)) {
      const ms = await run(scene, source, variant === 'watched' ? monitor : undefined)
      if (round > 0) cpuMs[variant].push(ms)
    }
    if (round % 5 === 0) progress(`${name}: round ${round} of ${rounds}`)
  }
  const shareOf = (one: readonly number[]) => median(one.map((ms, round) => ms / cpuMs.unwatched[round]! - 1))
  const unwatched = median(cpuMs.unwatched)
  const aloneMs = costOf(events)
  return {
    unwatched,
    watched: median(cpuMs.watched),
    share: shareOf(cpuMs.watched),
    noise: shareOf(cpuMs.twin),
    aloneShare: aloneMs / unwatched,
    aloneUs: (aloneMs * 1000) / events.filter(({ name }) => name === 'batch.written').length,
  }
}

/** CPU milliseconds of the thread. A monitor is read as well, as often as somebody looks at a dashboard. */
async function run(scene: Scene, source: string, monitor: SyncMonitor | undefined): Promise<number> {
  const path = join(scene.folder, 'copy.db')
  const sync = open(scene, source, path)
  const unwatch = monitor?.watch(sync)
  globalThis.gc?.()
  const before = process.threadCpuUsage()
  await sync.run()
  monitor?.snapshot()
  monitor?.counters()
  const { user, system } = process.threadCpuUsage(before)
  unwatch?.()
  await sync.close()
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true })
  return (user + system) / 1000
}

function open({ batchSize }: Scene, source: string, path: string) {
  return createSync({ name: 'plant', source: jsonl(source), target: sqlite(path), strategy: { batchSize } })
}

const heard = ['run.started', 'page.read', 'batch.written', 'run.finished'] as const
type Heard = { readonly name: (typeof heard)[number]; readonly told: never }

/** What a run tells, to be told again. */
async function eventsOf(scene: Scene, source: string): Promise<Heard[]> {
  const path = join(scene.folder, 'copy.db')
  const sync = open(scene, source, path)
  const events: Heard[] = []
  for (const name of heard) sync.on(name, told => events.push({ name, told: told as never }))
  await sync.run()
  await sync.close()
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true })
  return events
}

/** CPU milliseconds of handing over the events of one run, in a loop in which nothing else is measured. */
function costOf(events: readonly Heard[]): number {
  const monitor = createSyncMonitor()
  const listeners = new Map<keyof SyncEvents, (told: never) => void>()
  monitor.watch({
    name: 'plant',
    on(name, listener) {
      listeners.set(name, listener)
      return () => {}
    },
  })
  const runs = Math.ceil(20_000 / events.length)
  const took: number[] = []
  for (let round = 0; round < 20; round++) {
    const before = process.threadCpuUsage()
    for (let index = 0; index < runs; index++) {
      for (const { name, told } of events) listeners.get(name)!(told)
      monitor.snapshot()
      monitor.counters()
    }
    const { user, system } = process.threadCpuUsage(before)
    took.push((user + system) / 1000 / runs)
  }
  return median(took)
}
