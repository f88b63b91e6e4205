import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { read, temporaryPath } from './temporary.ts'

/** The system refuses to let any file grow beyond this, as a full disk does, until the limit is lifted. */
const limitKb = 256
const records = 4000

test('what does not fit on the disk waits until there is room', async () => {
  const path = temporaryPath()
  const script = new URL('./recording-process.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, path, String(records)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const limit = (bytes: number | 'unlimited') =>
    execFileSync('prlimit', [`--pid=${child.pid}`, `--fsize=${bytes}:unlimited`])
  limit(limitKb * 1024)

  let problem = ''
  let last = { written: 0, dropped: 0, problems: [] as string[] }
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => {
    last = JSON.parse(line)
    if (problem || last.problems.length === 0) return
    problem = last.problems[0]!
    limit('unlimited')
  })
  const [[code]] = await Promise.all([once(child, 'exit'), once(lines, 'close')])
  expect(code).toBe(0)
  expect(problem).toContain(path)
  expect(problem).toMatch(/could not be (read or )?written/)
  expect(last).toMatchObject({ written: records, dropped: 0, problems: [] })
  const found = read<{ generation: number }>(path, 'SELECT generation FROM acquisitions ORDER BY generation')
  expect(found.map(row => row.generation)).toEqual(found.map((_, i) => i + 1))
  expect(found).toHaveLength(records)
})
