import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const executor = fileURLToPath(new URL('../../src/concurrency/executor.ts', import.meta.url))

/** Runs a program in a process of its own, which has to end by itself. */
async function program(source: string): Promise<string> {
  const text = `import { createExecutor } from ${JSON.stringify(executor)}\n${source}`
  const args = ['--input-type=module-typescript', '--conditions=hotwell-source', '--eval', text]
  return (await promisify(execFile)(process.execPath, args, { timeout: 20_000 })).stdout
}

test('an idle executor keeps no process alive', async () => {
  expect(await program(`const executor = createExecutor(); await executor.run(() => 1); console.log('end')`)).toBe(
    'end\n',
  )
})

test('a process does not end in the pause of accepted work, and does when that is over', async () => {
  const source = `
    const executor = createExecutor({ backoff: { baseMs: 100 } })
    console.log(await executor.run(({ attempt }) => attempt < 3 ? Promise.reject(new Error('again')) : 'done'))`
  expect(await program(source)).toBe('done\n')
})
