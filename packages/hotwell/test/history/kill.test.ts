import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { read, temporaryPath } from './temporary.ts'

const rounds = process.env.HOTWELL_TEST_SCALE === 'long' ? 40 : 3
/** As many as the recorder sends at once. */
const largestBatch = 2000

interface Told {
  recorded: number
  written: number
  buffered: number
}

/** Starts a process that records, lets it write that much, and kills it. Returns what it told, line by line. */
async function killedAfter(path: string, written: number): Promise<Told[]> {
  const script = new URL('./recording-process.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const told: Told[] = [{ recorded: 0, written: 0, buffered: 0 }]
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => {
    told.push(JSON.parse(line))
    if (told.at(-1)!.written >= written) child.kill('SIGKILL')
  })
  const [[, signal]] = await Promise.all([once(child, 'exit'), once(lines, 'close')])
  expect(signal).toBe('SIGKILL')
  return told
}

/**
 * What has to be in the file, whatever was lost: a batch holds all that waited when the one before it was written, so
 * the last one that was told holds what had been recorded when the last but one was.
 */
function leastWritten(told: readonly Told[]): number {
  const commits = told.flatMap((one, line) => (line > 0 && one.written > told[line - 1]!.written ? [line] : []))
  const before = commits.at(-2)
  if (before === undefined) return told.at(-1)!.written
  return Math.min(told[before - 1]!.recorded, told[before]!.written + largestBatch)
}

test('a kill loses at most the batch in flight and what came meanwhile', async () => {
  let bounded = 0
  for (let round = 0; round < rounds; round++) {
    const path = temporaryPath()
    const told = await killedAfter(path, 3000 + round * 1377)
    const last = told.at(-1)!
    const found = read<{ generation: number }>(path, 'SELECT generation FROM acquisitions ORDER BY generation')
    // Whatever the process knew to be written is there, and no record before the last one written is missing or doubled.
    expect(found.length).toBeGreaterThanOrEqual(last.written)
    expect(found.map(row => row.generation)).toEqual(found.map((_, i) => i + 1))
    // So what the kill took was in memory, and of that no more than the batch in flight and what came meanwhile.
    expect(last.written + last.buffered).toBe(last.recorded)
    expect(found.length).toBeGreaterThanOrEqual(leastWritten(told))
    if (leastWritten(told) > 0) bounded++
  }
  expect(bounded).toBe(rounds)
})
