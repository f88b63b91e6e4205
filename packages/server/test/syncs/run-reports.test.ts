import { join } from 'node:path'
import type { HotwellConfig } from '@hotwell/server'
import { expect, test } from 'vitest'
import { createLogger } from '../../src/create-logger.ts'
import { RunBook } from '../../src/syncs/run-book.ts'
import { runHotwell } from '../commands/run-hotwell.ts'
import { ask, start, temporaryFolder } from '../start.ts'
import { syncCaller, writePlant } from './plant-file.ts'

const day = 86_400_000

async function plantConfig(count: number): Promise<{ config: HotwellConfig; folder: string }> {
  const folder = await temporaryFolder()
  const path = join(folder, 'plant.jsonl')
  await writePlant(path, count)
  const source = { use: 'hotwell/sources/jsonl', path }
  const target = { use: 'hotwell/targets/sqlite', path: join(folder, 'plant.db') }
  const config = { dataDir: join(folder, 'data'), syncs: { plant: { source, target } } } as HotwellConfig
  return { config, folder }
}

test('how a run went is told once it has ended, and by the next server as well', async () => {
  const { config } = await plantConfig(3000)
  const server = await start(config)
  const { post, get, until } = syncCaller(server.url)
  const { id } = (await post('syncs/plant/runs')).json
  await until(id)
  const { json: report } = await get(`runs/${id}/report`)
  expect(report).toMatchObject({ run: id, sync: 'plant', state: 'completed', mode: 'full', code: null })
  expect(report).toMatchObject({ read: 5999, processed: 5999, inserted: 5999, transactionSuccessRate: 1 })
  expect(report.stages.writeMs.count).toBe(report.transactions)
  expect(report.samples.at(-1).processed).toBe(5999)
  expect(report.peakRssBytes).toBeGreaterThan(0)
  const { json: performance } = await get('performance/syncs')
  expect(performance.syncs.plant).toMatchObject({ inserted: 5999, runs: { completed: 1 } })
  expect(performance.all.inserted).toBe(5999)
  await server.close()
  const next = await start(config)
  expect((await ask(next.url, `/api/v1/runs/${id}/report`)).json).toEqual(report)
})

test('a comparison has no report, and says so; a run that is not there neither', async () => {
  const { config } = await plantConfig(10)
  const { post, get, until } = syncCaller((await start(config)).url)
  const { id } = (await post('syncs/plant/verify', {})).json
  await until(id)
  expect(await get(`runs/${id}/report`)).toMatchObject({
    status: 404,
    json: { detail: expect.stringContaining('it is a comparison') },
  })
  expect((await get('runs/00000000-0000-4000-8000-000000000000/report')).status).toBe(404)
})

test('reports go with their runs, after 30 days', async () => {
  const { config, folder } = await plantConfig(10)
  const server = await start(config)
  const { post, until } = syncCaller(server.url)
  const { id } = (await post('syncs/plant/runs')).json
  await until(id)
  await server.close()
  const book = new RunBook(join(folder, 'data', 'runs.db'), createLogger('silent'))
  await book.purge(Date.now() + 29 * day)
  expect(await book.report(id)).toMatchObject({ run: id })
  await book.purge(Date.now() + 31 * day)
  expect(await book.report(id)).toBeUndefined()
  await book.close()
})

test('the command shows rates and stages, of all syncs and of one run', async () => {
  const { config } = await plantConfig(500)
  const server = await start(config)
  const performance = (...args: string[]) =>
    runHotwell(['sync', 'performance', ...args], { environment: { HOTWELL_URL: server.url } })
  const { post, until } = syncCaller(server.url)
  const { id } = (await post('syncs/plant/runs')).json
  await until(id)
  const one = await performance(id)
  expect(one).toMatchObject({ code: 0, stderr: '' })
  expect(one.stdout).toMatch(/^plant: completed \(run [0-9a-f-]{36}\)\n {2}999 records in .* a second\n/)
  expect(one.stdout).toMatch(/\nwrite +\d+ +\d+\.\d /)
  expect((await performance()).stdout).toMatch(/^Syncs from .*\n\nRecords a second\n/)
  expect(JSON.parse((await performance('--json')).stdout).all).toMatchObject({ processed: 999 })
  expect(await performance('nothing')).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing') })
})
