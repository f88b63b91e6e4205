import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { read, temporaryPath } from './temporary.ts'

const rounds = process.env.HOTWELL_TEST_SCALE === 'long' ? 40 : 3

interface Told {
  recorded: number
  written: number
  buffered: number
}

/** Starts a process that records, lets it write that much, and kills it. Returns the last that it told. */
async function killedAfter(path: string, written: number): Promise<Told> {
  const script = new URL('./recording-process.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let told: Told = { recorded: 0, written: 0, buffered: 0 }
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => {
    told = JSON.parse(line)
    if (told.written >= written) child.kill('SIGKILL')
  })
  const [[, signal]] = await Promise.all([once(child, 'exit'), once(lines, 'close')])
  expect(signal).toBe('SIGKILL')
  return told
}

test('a kill loses at most the batch in flight and what came meanwhile', async () => {
  for (let round = 0; round < rounds; round++) {
    const path = temporaryPath()
    const told = await killedAfter(path, 500 + round * 377)
    const found = read<{ generation: number }>(path, 'SELECT generation FROM acquisitions ORDER BY generation')
    // Whatever the process knew to be written is there, and no record before the last one written is missing or doubled.
    expect(found.length).toBeGreaterThanOrEqual(told.written)
    expect(found.map(row => row.generation)).toEqual(found.map((_, i) => i + 1))
    // So what the kill took was in memory: the batch in flight and what came meanwhile, no more.
    expect(told.written + told.buffered).toBe(told.recorded)
  }
})
