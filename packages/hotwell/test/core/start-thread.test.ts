import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

const long = process.env.HOTWELL_TEST_SCALE === 'long'

/** Starts threads for so long, eight at a time, in each of which WebAssembly calls JavaScript often. */
const script = `
  import { once } from 'node:events'
  import { Worker } from 'node:worker_threads'
  import { startThread } from ${JSON.stringify(new URL('../../src/core/start-thread.ts', import.meta.url).href)}
  const beside = ${JSON.stringify(import.meta.url)}
  const [how, ms] = process.argv.slice(1)
  const start = how === 'started'
    ? () => startThread('./wrappers/calls-worker', beside, { name: 'calls', data: undefined })
    : () => new Worker(new URL('./wrappers/calls-worker.ts', beside))
  const until = performance.now() + Number(ms)
  await Promise.all(Array.from({ length: 8 }, async () => {
    do await once(start(), 'exit')
    while (performance.now() < until)
  }))
`

async function ended(how: 'started' | 'bare', ms: number): Promise<number | null> {
  const parameters = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script, how, `${ms}`]
  const [code] = await once(spawn(process.execPath, parameters, { stdio: 'ignore' }), 'exit')
  return code
}

test('threads whose WebAssembly calls JavaScript often come and go without a crash', async () => {
  expect(await ended('started', long ? 60_000 : 4000)).toBe(0)
}, 120_000)

// It is a race, which takes some time to be lost; V8 14 has none.
if (long && process.versions.v8.startsWith('13.')) {
  test('control: threads that are started as Node does crash the process', async () => {
    const codes = []
    do codes.push(await ended('bare', 15_000))
    while (codes.at(-1) === 0 && codes.length < 20)
    expect(codes.at(-1)).not.toBe(0)
  }, 400_000)
}
