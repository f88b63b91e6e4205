import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { record } from './records.ts'
import { read, temporaryHistory, temporaryPath } from './temporary.ts'

/** Root may write everywhere; nobody may not. */
const nobody = 65_534
const isRoot = process.getuid?.() === 0
const records = 2000

test.each([
  { what: 'its file', file: 0o400, folder: 0o700 },
  { what: 'its folder', file: 0o600, folder: 0o500 },
  { what: 'both', file: 0o400, folder: 0o500 },
])('while $what may only be read records wait, and all are written when that is over', async ({ file, folder }) => {
  const path = temporaryPath()
  const history = temporaryHistory({ path, worker: false })
  history.record(record({ generation: 0 }))
  await history.close()
  const allow = (fileMode: number, folderMode: number) => {
    chmodSync(path, fileMode)
    chmodSync(dirname(path), folderMode)
  }
  if (isRoot) for (const name of [path, dirname(path)]) chownSync(name, nobody, nobody)
  allow(file, folder)
  onTestFinished(() => allow(0o600, 0o700))

  const script = new URL('./recording-process.ts', import.meta.url).pathname
  const settings = [path, String(records), ...(isRoot ? [String(nobody)] : [])]
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...settings], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let problem = ''
  let last = { recorded: 0, written: 0, buffered: 0, dropped: 0, problems: [] as string[] }
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => {
    last = JSON.parse(line)
    expect(last.written + last.buffered + last.dropped).toBe(last.recorded)
    if (problem || last.problems.length === 0) return
    problem = last.problems[0]!
    expect(last.written).toBe(0)
    allow(0o600, 0o700)
  })
  const [[code]] = await Promise.all([once(child, 'exit'), once(lines, 'close')])
  expect(code).toBe(0)
  expect(problem).toContain(path)
  expect(last).toMatchObject({ written: records, dropped: 0, problems: [] })
  const found = read<{ generation: number }>(path, 'SELECT generation FROM acquisitions ORDER BY generation')
  expect(found.map(row => row.generation)).toEqual(Array.from({ length: records + 1 }, (_, i) => i))
})
