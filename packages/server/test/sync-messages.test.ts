import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runHotwell } from './commands/run-hotwell.ts'
import { start, temporaryFolder } from './start.ts'
import { syncCaller, writePlant } from './syncs/plant-file.ts'

const sqlite = { use: 'hotwell/targets/sqlite', path: 'plant.db' }
const source = { use: 'hotwell/sources/jsonl', path: 'plant.jsonl' }

async function served(syncs: (folder: string) => Record<string, object>) {
  const folder = await temporaryFolder()
  const server = await start({ syncs: syncs(folder) as never })
  const sync = (...args: string[]) => runHotwell(['sync', ...args], { environment: { HOTWELL_URL: server.url } })
  return { folder, sync, ...syncCaller(server.url) }
}

test('a file that is missing fails the run with its path, for people and for programs, and the next run finds it', async () => {
  const { folder, sync } = await served(folder => ({
    plant: {
      source: { ...source, path: join(folder, 'plant.jsonl') },
      target: { ...sqlite, path: join(folder, 'plant.db') },
    },
  }))
  const path = join(folder, 'plant.jsonl')
  const [missing, asJson] = [await sync('run', 'plant'), await sync('run', 'plant', '--json')]
  expect(missing).toMatchObject({ code: 1, stderr: 'hotwell: The run is failed.\n' })
  expect(missing.stdout).toContain(`There is no file ${path}. (source_failed)`)
  expect(asJson.code).toBe(1)
  expect(JSON.parse(asJson.stdout)).toMatchObject({
    state: 'failed',
    error: { code: 'source_failed', message: `There is no file ${path}.`, retryable: false },
  })
  await mkdir(path)
  expect((await sync('run', 'plant')).stdout).toContain(`${path} is no ordinary file. (source_failed)`)
  await rm(path, { recursive: true })
  await writePlant(path, 3)
  expect((await sync('run', 'plant')).code).toBe(0)
  expect((await sync('status', 'plant')).stdout.match(/There is no file/g)).toHaveLength(2)
})

test('with --json standard output is one document or nothing, whatever becomes of the command; the exit code tells', async () => {
  const { folder, sync } = await served(folder => ({
    plant: {
      source: { ...source, path: join(folder, 'plant.jsonl') },
      target: { ...sqlite, path: join(folder, 'plant.db') },
    },
  }))
  await writePlant(join(folder, 'plant.jsonl'), 30)
  const cases: [string[], number][] = [
    [['list'], 0],
    [['run', 'plant'], 0],
    [['verify', 'plant'], 0],
    [['status', 'plant'], 0],
    [['status', 'plant', '--follow'], 1],
    [['run', 'plnat'], 1],
    [['pause', 'plant'], 1],
    [['run', 'plant', '--mode', 'sideways'], 2],
    [['run', 'plant', '--url', 'nonsense'], 2],
    [['run', 'plant', '--url', 'http://127.0.0.1:1'], 3],
    [['walk', 'plant'], 2],
  ]
  // Those that change nothing at the server, and wait for nothing.
  const atOnce = new Map(cases.filter(([, code]) => code > 1).map(([args]) => [args, sync(...args, '--json')] as const))
  for (const [args, code] of cases) {
    const outcome = await (atOnce.get(args) ?? sync(...args, '--json'))
    expect(outcome.code, `${args.join(' ')}: ${outcome.stderr}`).toBe(code)
    if (code === 0) expect(outcome.stderr, args.join(' ')).toBe('')
    else expect(outcome.stderr, args.join(' ')).not.toMatch(/\n {4}at /)
    if (outcome.stdout !== '') expect(() => JSON.parse(outcome.stdout), args.join(' ')).not.toThrow()
    expect(outcome.stdout !== '', args.join(' ')).toBe(code === 0)
  }
}, 60_000)

test('a configuration of syncs that cannot be used is refused with the field and what to do, and no secret of it', async () => {
  const folder = await temporaryFolder()
  const postgres = { use: 'hotwell/targets/postgres' }
  const cases: [object, RegExp][] = [
    [
      { source: { use: source.use }, target: sqlite },
      /syncs\.plant\.source: A source of JSONL needs the path of its file/,
    ],
    [
      { source, target: { use: 'hotwell/targets/jsonl' } },
      /syncs\.plant\.target: An export needs the path of its file/,
    ],
    [{ source, target: postgres }, /syncs\.plant\.target: PostgreSQL needs an address: .*postgresql:\/\//],
    [
      { source, target: { ...postgres, connectionstring: 'postgresql://u:hidden@h/d' } },
      /target: The target postgres does not know "connectionstring"; its options are connectionString/,
    ],
    [
      { source, target: { ...postgres, connectionString: 'mysql://u:hidden@h/d' } },
      /target: This is no address of Postgr/,
    ],
    [{ source, target: { ...sqlite, prefix: 'x-y' } }, /target: A prefix of tables is like plant_: .*not "x-y"/],
    [{ source, target: sqlite, strategy: { batchsize: 5 } }, /strategy\.batchsize: .*did you mean batchSize/],
    [{ source }, /syncs\.plant\.target: has to be/],
  ]
  for (const [plant, message] of cases) {
    await writeFile(join(folder, 'hotwell.config.json'), JSON.stringify({ port: 0, syncs: { plant } }))
    const checked = await runHotwell(['config', 'check'], { cwd: folder })
    expect(checked, `${message}`).toMatchObject({ code: 5, stdout: '', stderr: expect.stringMatching(message) })
    expect(checked.stderr).not.toMatch(/hidden|\n {4}at /)
  }
  expect(await runHotwell(['serve'], { cwd: folder })).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('syncs.plant.target'),
  })
}, 60_000)
