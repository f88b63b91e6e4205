import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { RunningHotwell } from '../commands/run-hotwell.ts'
import { start, temporaryFolder } from '../start.ts'
import { counted, syncCaller } from './plant-file.ts'
import { writeSteps } from './step-source.ts'

async function stepsOf(settings: object = {}) {
  const folder = await temporaryFolder()
  const { use, path, step } = await writeSteps(folder)
  const target = join(folder, 'steps.db')
  const steps = {
    source: { use, path },
    target: { use: 'hotwell/targets/sqlite', path: target },
    strategy: { batchSize: 1, patience: { retries: 0 } },
    ...settings,
  }
  const dataDir = join(folder, 'data')
  const begin = async () => {
    const server = await start({ dataDir, syncs: { steps } })
    return { server, ...syncCaller(server.url) }
  }
  const until = async (count: number) => {
    while (true) {
      const written = (() => {
        try {
          return counted(target, 'elements')
        } catch {
          return 0
        }
      })()
      if (written >= count) return
      await pause(20)
    }
  }
  return { folder, steps, begin, step, until, end: () => appendFile(path, '.') }
}

const held = { status: 409, json: { code: 'conflict', detail: expect.stringContaining(`process ${process.pid} on `) } }

test('a second server on the same data folder leaves the run of a living one alone, and says which process has it', async () => {
  const { begin, step, until, end } = await stepsOf()
  const first = await begin()
  const { id } = (await first.post('syncs/steps/runs')).json
  await step()
  await until(1)
  const second = await begin()
  expect((await second.get(`runs/${id}`)).json).toMatchObject({ state: 'running', interruptions: 0 })
  expect((await second.get('syncs/steps')).json.running).toMatchObject({ id, state: 'running' })
  for (const path of [
    'syncs/steps/runs',
    'syncs/steps/verify',
    ...['pause', 'resume', 'cancel'].map(a => `runs/${id}/${a}`),
  ])
    expect(await second.post(path), path).toMatchObject(held)
  await step()
  await end()
  expect(await first.until(id)).toMatchObject({ state: 'completed', interruptions: 0, counts: { inserted: 3 } })
  const after = (await second.post('syncs/steps/runs')).json
  expect(await second.until(after.id)).toMatchObject({ state: 'completed' })
})

test('a second server goes on with the run of one that ends, by itself', async () => {
  const { begin, step, until, end } = await stepsOf()
  const first = await begin()
  const second = await begin()
  const { id } = (await first.post('syncs/steps/runs')).json
  await step()
  await until(1)
  await first.server.close()
  await end()
  expect(await second.until(id)).toMatchObject({ state: 'completed', interruptions: 1, counts: { total: 2 } })
})

test('two servers with the same interval run the sync in turn, and none takes it from the other', async () => {
  const { begin, step, end, until } = await stepsOf({ intervalSeconds: 1 })
  const [first, second] = [await begin(), await begin()]
  await step()
  await until(1)
  // Longer than the interval, and than it takes to look for what others have left.
  await pause(3000)
  const runs = (await second.get('syncs/steps/runs')).json.runs
  expect(runs).toMatchObject([{ state: 'running', interruptions: 0 }])
  await end()
  await first.until(runs[0].id)
  await first.server.close()
  while ((await second.get('syncs/steps/runs')).json.runs.length < 2) await pause(50)
  const states = (await second.get('syncs/steps/runs')).json.runs.map((run: { state: string }) => run.state)
  expect(states).not.toContain('failed')
})

test('a server that is killed leaves its run to one that is there already', async () => {
  const { folder, steps, step, until, end } = await stepsOf()
  await writeFile(
    join(folder, 'hotwell.config.json'),
    JSON.stringify({ port: 0, dataDir: 'data', history: false, syncs: { steps } }),
  )
  const killed = new RunningHotwell(['serve', '--no-watch'], { cwd: folder })
  const [, url] = await killed.says(/"url":"(http:[^"]+)"/)
  const { id } = (await syncCaller(url!).post('syncs/steps/runs')).json
  await step()
  await until(1)
  const server = await start({ dataDir: join(folder, 'data'), syncs: { steps } })
  const here = syncCaller(server.url)
  const { detail } = (await here.post('syncs/steps/runs')).json
  expect(detail).toContain(`process ${killed.child.pid} on `)
  killed.child.kill('SIGKILL')
  await killed.exited
  await end()
  expect(await here.until(id)).toMatchObject({ state: 'completed', interruptions: 1, counts: { total: 2 } })
})
