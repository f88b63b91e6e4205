import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { start, temporaryFolder } from '../start.ts'
import { counted, syncCaller } from './plant-file.ts'
import { writeSteps } from './step-source.ts'

const elsewhere = JSON.stringify({ host: 'another-machine', place: 'another-boot another-namespace', pid: 7 })

/** A server in the middle of a run, and its book of leases to write into, as a server on another machine does. */
async function runningServer() {
  const folder = await temporaryFolder()
  const { use, path, step } = await writeSteps(folder)
  const target = join(folder, 'steps.db')
  const dataDir = join(folder, 'data')
  const strategy = { batchSize: 1, patience: { retries: 0 } }
  const steps = { source: { use, path }, target: { use: 'hotwell/targets/sqlite', path: target }, strategy }
  const server = await start({ dataDir, syncs: { steps } })
  const caller = syncCaller(server.url)
  const { id } = (await caller.post('syncs/steps/runs')).json
  await step()
  const written = () => {
    try {
      return counted(target, 'elements')
    } catch {
      return 0
    }
  }
  while (written() < 1) await pause(20)
  const inBook = <T>(statement: string, ...values: (string | number)[]) => {
    const database = new DatabaseSync(join(dataDir, 'runs.db'), { timeout: 5000 })
    try {
      return database.prepare(statement).all(...values) as T[]
    } finally {
      database.close()
    }
  }
  const takenBy = (server: string, beatAt: number) =>
    inBook('update sync_leases set server = ?, process = ?, beat_at = ?', server, elsewhere, beatAt)
  const beatAt = () => inBook<{ beat_at: number }>('select beat_at from sync_leases')[0]!.beat_at
  return { ...caller, id, step, end: () => appendFile(path, '.'), written, takenBy, beatAt }
}

test('a server whose run another machine has taken over ends its own, writes nothing more, and goes on once that one is silent', async () => {
  const { get, post, until, id, step, end, written, takenBy } = await runningServer()
  takenBy('the-other', Date.now())
  // Longer than a server takes to look for what others have.
  await pause(3000)
  await step()
  await pause(500)
  expect(written()).toBe(1)
  expect(await post(`runs/${id}/cancel`)).toMatchObject({
    status: 409,
    json: { code: 'conflict', detail: expect.stringContaining('process 7 on another-machine') },
  })
  expect((await get(`runs/${id}`)).json.state).toBe('running')
  takenBy('the-other', Date.now() - 31_000)
  await end()
  expect(await until(id)).toMatchObject({ state: 'completed', counts: { total: 3 } })
  expect(written()).toBe(3)
})

test('a server says every few seconds that it lives, so that one on another machine never takes its run for left', async () => {
  const { beatAt, end, until, id } = await runningServer()
  const first = beatAt()
  const startedAt = Date.now()
  while (beatAt() === first && Date.now() < startedAt + 10_000) await pause(100)
  expect(beatAt()).toBeGreaterThan(first)
  expect(Date.now() - beatAt()).toBeLessThan(5000)
  await end()
  await until(id)
})
