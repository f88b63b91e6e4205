import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createSync, type Source } from '../../src/sync/index.ts'
import { type JsonlTargetOptions, jsonl } from '../../src/sync/targets/jsonl.ts'
import { element, ListSource } from './list-source.ts'

const patience = { retries: 1, firstMs: 5, pausedMs: 5, giveUpMs: 20_000 }

function scene() {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-failing-export-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return { folder, path: join(folder, 'plant.jsonl') }
}

function exporting(source: Source, path: string, options: JsonlTargetOptions = {}) {
  const sync = createSync({ name: 'out', source, target: jsonl(path, options), strategy: { patience } })
  onTestFinished(() => sync.close())
  return sync
}

/** Who waits, and for what. */
async function waitedFor(sync: ReturnType<typeof exporting>): Promise<string> {
  return new Promise(resolve => sync.on('run.waiting', ({ message }) => resolve(message)))
}

const many = (count: number, value: unknown = 1) => Array.from({ length: count }, (_, n) => element(`e${n}`, value))

test('a folder for the export that is missing is made; a folder or a device in its place is refused before anything is read', async () => {
  const { folder } = scene()
  const path = join(folder, 'some', 'where', 'plant.jsonl')
  await exporting(new ListSource(many(3)), path).run()
  expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(3)
  for (const [place, what] of [
    [dirname(path), 'a folder'],
    ['/dev/null', 'no ordinary file'],
  ] as const) {
    const source = new ListSource(many(3))
    await expect(exporting(source, place).run()).rejects.toMatchObject({
      code: 'invalid_configuration',
      message: expect.stringContaining(what),
    })
    expect(source.requests).toEqual([])
  }
  const both = exporting(new ListSource(many(1)), path, { deadLettersPath: path }).run()
  await expect(both).rejects.toMatchObject({ code: 'invalid_configuration' })
  expect(readFileSync(path, 'utf8').trimEnd().split('\n'), 'and nothing was touched').toHaveLength(3)
})

/** A small disk of its own where this user may mount one; else a limit on the size of files, which fails in the same place. */
function smallDisk(folder: string) {
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'ignore' })
  } catch {
    const limit = (bytes: string) => execFileSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}:`])
    onTestFinished(() => void limit('unlimited'))
    return { disk, fill: async () => limit('30000'), free: () => limit('unlimited'), close: () => {}, open: () => {} }
  }
  onTestFinished(() => void execFileSync('umount', ['-l', disk]))
  const remount = (how: string) => execFileSync('mount', ['-o', `remount,${how}`, disk], { stdio: 'ignore' })
  return {
    disk,
    async fill() {
      const filler = await open(join(disk, 'filler'), 'w')
      await filler.write(Buffer.alloc(200 * 1024))
      await filler.close()
    },
    free: () => rmSync(join(disk, 'filler')),
    close: () => remount('ro'),
    open: () => remount('rw'),
  }
}

test('an export is not compared: nobody hears that all of it were missing, and a repair writes nothing', async () => {
  const { path } = scene()
  const sync = exporting(new ListSource(many(3)), path)
  await sync.run()
  const whole = readFileSync(path, 'utf8')
  for (const repair of [false, true])
    await expect(sync.verify({ repair })).rejects.toMatchObject({ code: 'invalid_request', retryable: false })
  expect(readFileSync(path, 'utf8')).toBe(whole)
  expect(await sync.run(), 'and it runs as before').toMatchObject({ inserted: 3 })
})

test('a full disk is waited for: the former export is whole meanwhile, and the new one comes when there is room', async () => {
  const { disk, fill, free } = smallDisk(scene().folder)
  const path = join(disk, 'plant.jsonl')
  await exporting(new ListSource(many(10)), path).run()
  const former = readFileSync(path, 'utf8')
  await fill()
  const sync = exporting(new ListSource(many(2000, 'x'.repeat(20))), path)
  const running = sync.run()
  expect(await waitedFor(sync)).toMatch(/the disk is full|EFBIG/)
  expect(readFileSync(path, 'utf8')).toBe(former)
  free()
  expect(await running).toMatchObject({ state: 'completed', inserted: 2000 })
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  expect(lines.map(line => JSON.parse(line).id)).toEqual(many(2000).map(({ id }) => id))
  expect(readdirSync(disk)).toEqual(['plant.jsonl'])
})

test('a place where nothing may be written is waited for, and said', async () => {
  const { disk, close, open } = smallDisk(scene().folder)
  chmodSync(disk, 0o500)
  close()
  const sync = exporting(new ListSource(many(3)), join(disk, 'plant.jsonl'))
  const running = sync.run()
  expect(await waitedFor(sync)).toMatch(/plant\.jsonl could not be written: (EROFS|EACCES)/)
  open()
  chmodSync(disk, 0o700)
  expect(await running).toMatchObject({ inserted: 3 })
  expect(readdirSync(disk)).toEqual(['plant.jsonl'])
})

test('what a killed process has left goes soon, what a living one writes stays', async () => {
  const { folder, path } = scene()
  const machine = hash('sha256', hostname(), 'hex').slice(0, 8)
  const ended = Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }))
  const names = {
    killed: `plant.jsonl.${machine}-${ended}-0123456789ab.partial`,
    justKilled: `plant.jsonl.${machine}-${ended}-1123456789ab.partial`,
    mine: `plant.jsonl.${machine}-${process.pid}-0123456789ab.partial`,
    beforeMe: `plant.jsonl.${machine}-${process.pid}-2123456789ab.partial`,
    alive: `plant.jsonl.${machine}-${process.ppid}-0123456789ab.partial`,
    elsewhere: `plant.jsonl.00000000-${ended}-0123456789ab.partial`,
    other: `other.jsonl.${machine}-${ended}-0123456789ab.partial`,
  }
  const started = Date.now() / 1000 - process.uptime()
  for (const name of Object.values(names)) {
    writeFileSync(join(folder, name), 'half')
    utimesSync(join(folder, name), 0, Date.now() / 1000 - 90)
  }
  utimesSync(join(folder, names.justKilled), 0, Date.now() / 1000)
  utimesSync(join(folder, names.mine), 0, Date.now() / 1000)
  utimesSync(join(folder, names.beforeMe), 0, started - 90)
  await exporting(new ListSource(many(3)), path).run()
  const left = Object.entries(names).filter(([, name]) => existsSync(join(folder, name)))
  expect(left.map(([what]) => what)).toEqual(['justKilled', 'mine', 'alive', 'elsewhere', 'other'])
})
