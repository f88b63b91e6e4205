import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { createHistory } from 'hotwell/history'
import { progress } from '../harness/progress.ts'
import { atLeast, atMost, type BenchmarkResult, exactly, figure } from '../harness/result.ts'
import { median } from '../harness/statistics.ts'
import { temporaryFolder } from '../harness/temporary-folder.ts'
import { acquisitionRecord } from './records.ts'

const rounds = 5
const recordsPerRound = 300_000
/** One by one it takes as long for far fewer. */
const singles = { normal: 30_000, full: 2000 } as const
type Synchronous = keyof typeof singles

/** How fast records become rows, beside one INSERT a record into the same table with the same indexes. */
export async function history(): Promise<BenchmarkResult> {
  const perSecond: Record<Synchronous, number[]> = { normal: [], full: [] }
  const single: Record<Synchronous, number[]> = { normal: [], full: [] }
  const blockedMs: number[] = []
  const processorUs: number[] = []
  let lost = 0
  for (let round = 0; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`)
    for (const synchronous of ['normal', 'full'] as const) {
      await using folder = await temporaryFolder()
      const path = join(folder.path, 'hotwell.db')
      const written = await throughRecorder(path, synchronous)
      const inserted = oneByOne(path, synchronous)
      lost += written.lost
      // The first round is for the compiler.
      if (round === 0) continue
      perSecond[synchronous].push(written.perSecond)
      single[synchronous].push(inserted)
      blockedMs.push(written.recordingMs)
      processorUs.push(written.processorUs)
    }
  }
  const ratio = (which: Synchronous) => median(perSecond[which].map((value, index) => value / single[which][index]!))
  const peer = (which: Synchronous) => `one INSERT a record ${Math.round(median(single[which])).toLocaleString('en')}/s`
  return {
    name: 'history',
    figures: [
      figure('records written, synchronous=NORMAL', median(perSecond.normal), '/s', {
        peer: peer('normal'),
        limit: '≥ 100,000/s',
      }),
      figure('  times as many as one by one', ratio('normal'), '×', { limit: '≥ 4' }),
      figure('records written, synchronous=FULL', median(perSecond.full), '/s', { peer: peer('full') }),
      figure('  times as many as one by one', ratio('full'), '×', { limit: '≥ 25' }),
      figure('processor time of the thread that writes', median(processorUs), 'µs', { peer: 'a record' }),
      figure('record(), as the caller feels it', median(blockedMs) * 1000, 'µs', { limit: '≤ 10 µs' }),
      figure('records lost', lost, '', { limit: 'exactly 0' }),
    ],
    goals: [
      atLeast('records a second', median(perSecond.normal), 100_000),
      atLeast('times one INSERT a record, NORMAL', ratio('normal'), 4),
      atLeast('times one INSERT a record, FULL', ratio('full'), 25),
      atMost('µs for record()', median(blockedMs) * 1000, 10),
      exactly('records lost', lost, 0),
    ],
  }
}

/** As a server does it: recorded in this thread, written in another. What is recorded never waits long for its turn. */
async function throughRecorder(path: string, synchronous: Synchronous) {
  const threads: Worker[] = []
  const seen = (thread: Worker) => void threads.push(thread)
  process.on('worker', seen)
  const recorder = createHistory({ path, synchronous, flushTimeoutMs: 120_000 })
  const baseAt = Date.now()
  recorder.record(acquisitionRecord(0, baseAt))
  await recorder.flush()
  process.off('worker', seen)
  const usedBefore = await usedUs(threads[0]!)
  let recordingMs = 0
  const startedAt = performance.now()
  for (let sent = 1; sent <= recordsPerRound; ) {
    if (recorder.buffered > 40_000) {
      // Looking again and again would take the processor from those who write.
      await sleep(1)
      continue
    }
    const records = Array.from({ length: 1000 }, () => acquisitionRecord(sent++, baseAt))
    const before = performance.now()
    for (const record of records) recorder.record(record)
    recordingMs += performance.now() - before
  }
  await recorder.flush()
  const tookMs = performance.now() - startedAt
  const processorUs = ((await usedUs(threads[0]!)) - usedBefore) / recordsPerRound
  const lost = recordsPerRound + 1 - recorder.written
  await recorder.close()
  return { perSecond: (recordsPerRound / tookMs) * 1000, recordingMs: recordingMs / recordsPerRound, processorUs, lost }
}

/** What does not depend on who else wants the machine. */
async function usedUs(thread: Worker): Promise<number> {
  // A thread keeps no process alive while it is asked.
  const kept = setInterval(() => {}, 1000)
  const { user, system } = await thread.cpuUsage()
  clearInterval(kept)
  return user + system
}

/** The same table, indexes, columns and durability; each record a transaction of its own, by a prepared statement. */
function oneByOne(path: string, synchronous: Synchronous): number {
  const database = new DatabaseSync(path)
  try {
    database.exec(`pragma synchronous = ${synchronous}`)
    const columns = database.prepare('select name from pragma_table_info(?)').all('acquisitions') as { name: string }[]
    const names = columns.map(({ name }) => name)
    const insert = database.prepare(
      `insert into acquisitions (${names.map(name => `"${name}"`).join(', ')}) values (${names.map(() => '?').join(', ')})`,
    )
    const baseAt = Date.now() + 86_400_000
    const count = singles[synchronous]
    const rows = Array.from({ length: count }, (_, number) => {
      const record = acquisitionRecord(number, baseAt) as unknown as Record<string, unknown>
      return names.map(name => bindable(record[camelCase(name)]))
    })
    const startedAt = performance.now()
    for (const row of rows) insert.run(...row)
    return (count / (performance.now() - startedAt)) * 1000
  } finally {
    database.close()
  }
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function bindable(value: unknown): SQLInputValue {
  if (value === undefined) return null
  return typeof value === 'boolean' ? Number(value) : (value as SQLInputValue)
}
