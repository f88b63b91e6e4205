import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Child, startChild } from '../harness/child.ts'
import { writePlant } from '../harness/plant-rows.ts'
import { progress } from '../harness/progress.ts'
import { atLeast, atMost, exactly, type Figure, figure, type Goal } from '../harness/result.ts'
import { median } from '../harness/statistics.ts'
import { temporaryFolder } from '../harness/temporary-folder.ts'
import type { CallFigures, Calls } from './callers.ts'
import type { SyncFigures, SyncServerOptions } from './sync-server.ts'

const rounds = 5
const records = 500_000
const refs = Array.from({ length: 100 }, (_, index) => `issuer/tenant/t${index}`)
/** What a full-speed sync may add to the P99 of a warm token. */
const addedMs = 10

/** What the server does meanwhile: nothing, a sync in its thread, and both ways of copying in the thread that serves. */
type Phase = 'idle' | 'syncing' | 'syncHere' | 'copyHere'
interface Round extends Record<Phase, CallFigures> {
  readonly sync: SyncFigures
}

/**
 * Does a sync at full speed hold up the tokens of the same server? Each round asks for warm tokens over HTTP while
 * nothing else happens, while the server copies a file into a new SQLite file, and while the thread that serves them
 * does so itself: by the same sync, which lets others have their turn, and, as the control, by a plain loop.
 */
export async function syncBeside(): Promise<{ figures: Figure[]; goals: Goal[] }> {
  await using folder = await temporaryFolder()
  const source = join(folder.path, 'plant.jsonl')
  progress(`a file of ${records} records`)
  await writePlant(source, records)
  const targets = Array.from({ length: rounds + 1 }, (_, round) => join(folder.path, `plant-${round}.db`))
  const apiKey = `hw_${randomBytes(32).toString('base64url')}`
  const server = startChild(new URL('./sync-server.ts', import.meta.url), { env: { NODE_ENV: 'production' } })
  const callers = startChild(new URL('./callers.ts', import.meta.url))
  try {
    const options: SyncServerOptions = { dataDir: join(folder.path, 'data'), refs, apiKey, source, targets }
    const port = await server.ask<number>('listen', options)
    const calls: Calls = { port, refs, apiKey, connections: 16, pauseMs: 20, seconds: 3 }
    const measured: Round[] = []
    for (let round = 0; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}`)
      const idle = await callers.ask<CallFigures>('call', calls)
      const target = targets[round]!
      const [syncing, sync] = await during(callers, calls, () => server.ask<SyncFigures>('sync', { index: round }))
      const here: CallFigures[] = []
      for (const question of ['syncHere', 'copyHere']) {
        await removeDatabase(target)
        const [called] = await during(callers, calls, () => server.ask<SyncFigures>(question, { source, target }))
        here.push(called)
      }
      await removeDatabase(target)
      // The first round is for the compiler.
      if (round > 0) measured.push({ idle, syncing, sync, syncHere: here[0]!, copyHere: here[1]! })
    }
    return resultOf(measured)
  } finally {
    await Promise.all([server.close(), callers.close()])
  }
}

/** Calls for as long as the work takes. */
async function during(
  callers: Child,
  calls: Calls,
  work: () => Promise<SyncFigures>,
): Promise<[CallFigures, SyncFigures]> {
  const called = callers.ask<CallFigures>('call', { ...calls, seconds: 300 })
  const done = await work()
  await callers.ask('stop')
  return [await called, done]
}

async function removeDatabase(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true })
}

function resultOf(measured: readonly Round[]): { figures: Figure[]; goals: Goal[] } {
  const each = (phase: Phase, figureOf: (figures: CallFigures) => number) =>
    measured.map(round => figureOf(round[phase]))
  const p99 = (phase: Phase) => each(phase, ({ p99Ms }) => p99Ms)
  const slowest = (phase: Phase) => median(each(phase, ({ maxMs }) => maxMs))
  const beyondIdle = (phase: Phase) => median(measured.map(round => round[phase].p99Ms - round.idle.p99Ms))
  const speed = measured.map(({ sync }) => sync.records / sync.seconds)
  const line = (name: string, phase: Phase, limit?: string) =>
    figure(name, median(p99(phase)), 'ms', {
      ...{ peer: `idle ${median(p99('idle')).toPrecision(3)} ms`, samples: p99(phase) },
      ...(limit !== undefined && { limit }),
    })
  return {
    figures: [
      line('P99, a sync at full speed', 'syncing', `≤ idle + ${addedMs} ms`),
      figure('  slowest', slowest('syncing'), 'ms', { peer: `idle ${slowest('idle').toPrecision(3)} ms` }),
      figure('  requests a round', median(each('syncing', ({ requests }) => requests)), ''),
      figure('  copied meanwhile', median(speed), 'records/s', { samples: speed }),
      line('P99, that sync in the thread that serves', 'syncHere'),
      line('P99, control: a plain copy in the thread that serves', 'copyHere'),
    ],
    goals: [
      atMost('P99 during a full-speed sync beyond idle, ms', beyondIdle('syncing'), addedMs),
      exactly('records copied by the sync', Math.min(...measured.map(({ sync }) => sync.records)), records),
      atLeast(
        'control: P99 beyond idle during a plain copy in the serving thread, ms',
        beyondIdle('copyHere'),
        addedMs,
      ),
    ],
  }
}
