import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AcquisitionRecord } from 'hotwell'
import { type Child, startChild } from '../harness/child.ts'
import { progress } from '../harness/progress.ts'
import { atLeast, atMost, type BenchmarkResult, exactly, figure } from '../harness/result.ts'
import { temporaryFolder } from '../harness/temporary-folder.ts'
import type { CallFigures, Calls } from './callers.ts'
import { Issuer } from './issuer.ts'
import type { SharedServerOptions } from './shared-server.ts'
import { syncBeside } from './sync-beside.ts'

const seconds = 45
const lifeSeconds = 20
const latencyMs = 100
const lockedSeconds = 15
const refs = Array.from({ length: 100 }, (_, index) => `issuer/tenant/t${index}`)
/** Shorter than a claim outlives its holder: whoever stands still for longer is to lose it. */
const longestStopMs = 2500

interface Results {
  readonly finished: AcquisitionRecord[]
  readonly written: number
  readonly dropped: number
}

/**
 * Does anything hold up the thread that serves tokens? History is written at full speed beside it, and another server
 * on the same data folder stands still now and then, wherever that catches it: holding a claim, within a transaction.
 * Then a server of its own copies a file at full speed.
 */
export async function loop(): Promise<BenchmarkResult> {
  await using folder = await temporaryFolder()
  const issuer = new Issuer({ lifeSeconds, latencyMs })
  const issuerUrl = await issuer.listen()
  const shared = new URL('./shared-server.ts', import.meta.url)
  const environment = { env: { NODE_ENV: 'production' } }
  const serving = startChild(shared, environment)
  const standing = startChild(shared, environment)
  const callers = startChild(new URL('./callers.ts', import.meta.url))
  try {
    const apiKey = `hw_${randomBytes(32).toString('base64url')}`
    const options = { dataDir: folder.path, issuer: issuerUrl, refs, apiKey }
    const port = await serving.ask<number>('listen', { ...options, name: 'serving' } satisfies SharedServerOptions)
    await standing.ask<number>('listen', { ...options, name: 'standing' } satisfies SharedServerOptions)

    progress('quiet: neither history nor stops')
    const calls: Calls = { port, refs, apiKey, connections: 16, pauseMs: 20, seconds: 5 }
    await callers.ask<CallFigures>('call', { ...calls, seconds: 2 })
    const quiet = await callers.ask<CallFigures>('call', calls)

    progress(`${seconds} s with both`)
    await serving.ask('writeHistory', { dataDir: folder.path })
    const stopping = new AbortController()
    const stops = stopNowAndThen(standing, stopping.signal)
    const busy = await callers.ask<CallFigures>('call', { ...calls, seconds })
    stopping.abort()
    const stopped = await stops
    progress(`${lockedSeconds} s while another process holds the history`)
    const locked = await whileHeld(join(folder.path, 'hotwell.db'), () =>
      callers.ask<CallFigures>('call', { ...calls, seconds: lockedSeconds }),
    )
    // Whoever stood still in the middle ends what it began.
    await sleep(2000)
    const results = [await serving.ask<Results>('results'), await standing.ask<Results>('results')]
    await Promise.all([serving.close(), standing.close()])
    return resultOf({ issuer, quiet, busy, locked, stopped, results, beside: await syncBeside() })
  } finally {
    await Promise.all([serving.close(), standing.close(), callers.close()])
    issuer.close()
  }
}

/** Stops a process at random instants for random times. Resolves with how often. */
async function stopNowAndThen(child: Child, signal: AbortSignal): Promise<number> {
  let stops = 0
  while (!signal.aborted) {
    await sleep(100 + 900 * Math.random())
    child.signal('SIGSTOP')
    stops++
    await sleep(100 + (longestStopMs - 100) * Math.random())
    child.signal('SIGCONT')
  }
  return stops
}

/** As a backup that never ends, or an operator's forgotten transaction. */
async function whileHeld<T>(path: string, work: () => Promise<T>): Promise<T> {
  const database = new DatabaseSync(path, { timeout: 10_000 })
  try {
    database.exec('begin exclusive')
    return await work()
  } finally {
    database.close()
  }
}

interface Run {
  readonly issuer: Issuer
  readonly quiet: CallFigures
  readonly busy: CallFigures
  readonly locked: CallFigures
  readonly stopped: number
  readonly results: readonly Results[]
  readonly beside: Awaited<ReturnType<typeof syncBeside>>
}

function resultOf({ issuer, quiet, busy, locked, stopped, results, beside }: Run): BenchmarkResult {
  const finished = results.flatMap(result => result.finished)
  const succeeded = finished.filter(({ status }) => status === 'success')
  const kept = new Map(succeeded.map(({ fingerprint, startedAt }) => [fingerprint, startedAt]))
  // A token that was issued and that nobody stored: its claim was lost on the way.
  const lost = issuer.issues.filter(({ fingerprint }) => !kept.has(fingerprint)).length
  const generations = new Set(succeeded.map(({ ref, generation }) => `${ref} ${generation}`))
  const written = results.reduce((sum, result) => sum + result.written, 0)
  return {
    name: 'loop',
    figures: [
      figure('requests', busy.requests, ''),
      figure('P50', busy.p50Ms, 'ms', { peer: `quiet ${quiet.p50Ms.toPrecision(3)} ms` }),
      figure('P99', busy.p99Ms, 'ms', { peer: `quiet ${quiet.p99Ms.toPrecision(3)} ms`, limit: '≤ 20 ms' }),
      figure('P99.9', busy.p999Ms, 'ms', { peer: `quiet ${quiet.p999Ms.toPrecision(3)} ms` }),
      figure('slowest', busy.maxMs, 'ms', { peer: `quiet ${quiet.maxMs.toPrecision(3)} ms` }),
      figure('P99, history held by another process', locked.p99Ms, 'ms', { limit: '≤ 20 ms' }),
      figure('history written', written / seconds, 'records/s'),
      figure('stops of the other process', stopped, ''),
      figure('acquisitions', issuer.issues.length, ''),
      figure('  by the other process', issuer.issues.filter(({ process }) => process === 'standing').length, ''),
      figure('  failed', finished.length - succeeded.length, ''),
      ...beside.figures,
    ],
    goals: [
      atMost('P99 of a warm token over HTTP, ms', busy.p99Ms, 20),
      atMost('P99 while another process holds the history, ms', locked.p99Ms, 20),
      exactly('acquisitions before a token was due', issuer.extra(kept).length, 0),
      exactly('claims lost', lost, 0),
      exactly('generations given twice', succeeded.length - generations.size, 0),
      exactly('acquisitions failed', finished.length - succeeded.length, 0),
      exactly(
        'history records dropped',
        results.reduce((sum, result) => sum + result.dropped, 0),
        0,
      ),
      atLeast('control: stops of the other process', stopped, 5),
      atLeast('control: history records a second', written / seconds, 1000),
      ...beside.goals,
    ],
  }
}
