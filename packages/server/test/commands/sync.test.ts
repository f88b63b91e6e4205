import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { followRun, progressLine } from '../../src/commands/sync-follow.ts'
import type { RunReply } from '../../src/routes/run-schemas.ts'
import { start, temporaryFolder } from '../start.ts'
import { counted, syncCaller, unit, writePlant } from '../syncs/plant-file.ts'
import { runHotwell } from './run-hotwell.ts'

async function served() {
  const folder = await temporaryFolder()
  const [path, target] = [join(folder, 'plant.jsonl'), join(folder, 'plant.db')]
  await writePlant(path, 20)
  const plant = {
    source: { use: 'hotwell/sources/jsonl', path },
    target: { use: 'hotwell/targets/sqlite', path: target },
  }
  const server = await start({ syncs: { plant } })
  const environment = { HOTWELL_URL: server.url }
  const sync = (...args: string[]) => runHotwell(['sync', ...args], { environment })
  return { sync, path, target, ...syncCaller(server.url) }
}

test('a sync is run to its end, listed, and its runs are shown', async () => {
  const { sync, target } = await served()
  expect((await sync('list')).stdout).toMatch(/^Sync +State .*\nplant +never ran/)
  const run = await sync('run', 'plant')
  expect(run).toMatchObject({ code: 0, stderr: '' })
  expect(run.stdout).toMatch(/^plant: completed after .* s \(run [0-9a-f-]{36}\)\n {2}39 records, .*: 39 inserted\n$/)
  expect(counted(target, 'elements')).toBe(20)
  const again = JSON.parse((await sync('run', 'plant', '--json')).stdout)
  expect(again).toMatchObject({ state: 'completed', counts: { unchanged: 39 } })
  expect((await sync('list')).stdout).toMatch(/\nplant +completed +20\d\d-.* 39$/m)
  expect((await sync('status', 'plant')).stdout.match(/ full +completed /g)).toHaveLength(2)
  expect((await sync('status', again.id)).stdout).toMatch(/^plant: completed .*\n.*39 unchanged/)
  expect(JSON.parse((await sync('status', 'plant', '--limit', '1', '--json')).stdout).runs).toMatchObject([
    { id: again.id },
  ])
})

test('a part is run, and what makes no sense is refused before it begins', async () => {
  const { sync, target } = await served()
  const some = await sync('run', 'plant', '--element', unit(1), unit(2), '--json')
  expect(JSON.parse(some.stdout)).toMatchObject({ mode: 'part', part: { elements: [unit(1), unit(2)] } })
  expect(counted(target, 'elements')).toBe(2)
  expect((await sync('run', 'plant', '--subtree', unit(3), '--depth', '1')).code).toBe(0)
  for (const args of [
    ['--depth', '1'],
    ['--mode', 'half'],
    ['--mode', 'full', '--only', 'relations'],
    ['--subtree', 'a', '--element', 'b'],
  ])
    expect((await sync('run', 'plant', ...args)).code, args.join(' ')).toBe(2)
  expect(await sync('run', 'plnat')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no sync "plnat"; there are plant/),
  })
  expect(counted(target, 'elements')).toBe(3)
})

test('a comparison says by its exit code whether both sides are equal, and names what differs', async () => {
  const { sync, path } = await served()
  await sync('run', 'plant')
  expect(await sync('verify', 'plant')).toMatchObject({ code: 0, stdout: expect.stringContaining('They are equal.') })
  await appendFile(path, `${JSON.stringify({ id: 'new\u001b[31m', type: 'pump', name: 'New', attributes: {} })}\n`)
  const differing = await sync('verify', 'plant')
  expect(differing).toMatchObject({ code: 1, stderr: expect.stringContaining('Source and target differ.') })
  expect(differing.stdout).toMatch(/1 missing, 0 extra, 0 different.*\n {4}missing {4}element {2}new \[31m\n/)
  expect(await sync('verify', 'plant', '--repair')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 were put right'),
  })
  expect((await sync('verify', 'plant')).code).toBe(0)
})

test('a run that fails ends with 1 and says why; what is not under way cannot be changed', async () => {
  const { sync, path } = await served()
  await sync('run', 'plant')
  await writeFile(path, '')
  const failed = await sync('run', 'plant')
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('The run is failed.') })
  expect(failed.stdout).toMatch(/deletes_refused/)
  for (const action of ['pause', 'resume', 'cancel'])
    expect(await sync(action, 'plant')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no run under way; its latest one is failed/),
    })
})

test('a run that was begun apart is paused, resumed and cancelled by the name of its sync', async () => {
  const folder = await temporaryFolder()
  const use = join(folder, 'endless.mjs')
  await writeFile(
    use,
    `import { setTimeout as pause } from 'node:timers/promises'
    export function endless() {
      return { name: 'endless', identity: 'endless', consistency: 'snapshot', order: 'none', cursors: 'durable', async *read({ signal }) {
        for (let page = 1; ; page++) {
          yield { records: [{ id: 'e' + page, type: 'e', name: 'E', attributes: {} }], position: String(page) }
          await pause(20, undefined, { signal })
        }
      } }
    }`,
  )
  const endless = { source: { use }, target: { use: 'hotwell/targets/sqlite', path: join(folder, 'a.db') } }
  const server = await start({ syncs: { endless } })
  const sync = (...args: string[]) => runHotwell(['sync', ...args], { environment: { HOTWELL_URL: server.url } })
  const { id } = JSON.parse((await sync('run', 'endless', '--detach', '--json')).stdout)
  await syncCaller(server.url).until(id, 'running')
  expect((await sync('pause', 'endless')).stdout).toMatch(new RegExp(`^endless: paused .*\\(run ${id}\\)`))
  expect(await sync('run', 'endless')).toMatchObject({ code: 1, stderr: expect.stringContaining(id) })
  expect(JSON.parse((await sync('resume', id, '--json')).stdout)).toMatchObject({ state: 'running' })
  expect((await sync('cancel', 'endless')).stdout).toMatch(/^endless: cancelled/)
  expect(await sync('status', id, '--follow')).toMatchObject({ code: 1, stderr: expect.stringContaining('cancelled') })
})

const run = {
  ...{ id: 'a', sync: 'plant', state: 'running', phase: 'reading', share: 0.5, perSecond: 151_400, secondsLeft: 3.2 },
  ...{ counts: { total: 120_000 }, waitingFor: null },
} as RunReply

test('a terminal shows how far a run is, in one line that goes away at its end; a pipe shows nothing', async () => {
  const states = [run, { ...run, share: 0.75 }, { ...run, state: 'completed' as const }]
  const follow = async (isTTY: boolean) => {
    let shown = ''
    let asked = 0
    const requests = { run: async () => states[++asked]! }
    const screen = { isTTY, columns: 100, write: (text: string) => (shown += text) }
    expect((await followRun(requests, run, screen)).state).toBe('completed')
    return shown
  }
  const shown = await follow(true)
  expect(shown).toMatch(/█{12}░{12} 50 %/)
  expect(shown).toMatch(/█{18}░{6} 75 %/)
  expect(shown).not.toContain('\n')
  expect(shown.endsWith('\r\u001b[2K')).toBe(true)
  expect(await follow(false)).toBe('')
  expect(progressLine(run)).toMatch(/^plant {2}█+░+ 50 % {2}reading {2}120,000 records {2}151,400\/s {2}3 s left$/)
  expect(progressLine({ ...run, share: null, secondsLeft: null, waitingFor: 'the\u001b disk is full' })).toMatch(
    /waits: the {2}?disk is full$/,
  )
})

test('what could not be taken is listed with the reason, and what failed is tried again', async () => {
  const { sync, path, target } = await served()
  expect((await sync('dead-letters', 'plant')).stdout).toBe('The sync "plant" has no dead letters.\n')
  expect(await sync('retry', 'plant')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/hotwell sync run plant/),
  })
  await appendFile(path, '{"id": "broken\n{"id":"typeless","type":"pump","name":"x","attributes":7}\n')
  expect((await sync('run', 'plant')).code).toBe(0)
  const { stdout } = await sync('dead-letters', 'plant')
  expect(stdout).toMatch(/^Kind +Key +Reason\nelement +typeless +Its attributes .*\nunreadable +line 40 +It is no JSON/)
  expect((await sync('dead-letters', 'plant', '--limit', '1')).stdout).toMatch(/There are more/)
  expect(JSON.parse((await sync('dead-letters', 'plant', '--json')).stdout).deadLetters[1]).toMatchObject({
    record: '{"id": "broken',
  })
  expect(await sync('retry', 'plant')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/only one that has failed/),
  })
  await writePlant(path, 500)
  expect((await sync('run', 'plant')).code).toBe(0)
  await writePlant(path, 10)
  expect(await sync('run', 'plant')).toMatchObject({ code: 1 })
  await writePlant(path, 500)
  expect(await sync('retry', 'plant')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^plant: completed/) })
  expect(counted(target, 'elements')).toBe(500)
})
