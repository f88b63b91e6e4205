import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { countOf, temporaryPath } from './temporary.ts'

const script = `
  import { createHistory } from ${JSON.stringify(new URL('../../src/history/create-history.ts', import.meta.url).href)}
  import { record } from ${JSON.stringify(new URL('./records.ts', import.meta.url).href)}
  const [path, worker] = process.argv.slice(1)
  const history = createHistory({ path, worker: worker === 'true' })
  for (let i = 0; i < 1000; i++) history.record(record({ finishedAt: Date.now() }))
  await history.flush()
  await history.statistics()
  await history.purge()
  const sqlite = process.moduleLoadList.some(name => /^NativeModule sqlite|^Internal Binding sqlite/.test(name))
  console.log(JSON.stringify({ written: history.written, sqlite }))
  if (process.argv[3] === 'close') await history.close()
`

async function run(...parameters: string[]): Promise<{ written: number; sqlite: boolean }> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script, ...parameters],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  expect(code).toBe(0)
  return JSON.parse(printed)
}

test('the thread that serves tokens never touches the database: SQLite is not even loaded there', async () => {
  const path = temporaryPath()
  expect(await run(path, 'true', 'close')).toEqual({ written: 1000, sqlite: false })
  expect(countOf(path)).toBe(1000)
})

test('without a thread of its own it does, so that the look at loaded modules means something', async () => {
  expect(await run(temporaryPath(), 'false', 'close')).toEqual({ written: 1000, sqlite: true })
})

test('history that nobody closed keeps no process alive', async () => {
  expect(await run(temporaryPath(), 'true', 'leave')).toMatchObject({ written: 1000 })
})
