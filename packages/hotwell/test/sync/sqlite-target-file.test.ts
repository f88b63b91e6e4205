import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createSync } from '../../src/sync/create-sync.ts'
import { sqlite } from '../../src/sync/targets/sqlite.ts'
import { element, ListSource } from './list-source.ts'

const threads = [
  { where: 'this thread', thread: false },
  { where: 'a thread of its own', thread: true },
]

function scene(thread: boolean) {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-sqlite-file-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return { folder, ...plant(join(folder, 'plant.db'), thread) }
}

/** Six elements, two a page and transaction. */
function plant(path: string, thread: boolean) {
  const source = new ListSource(['a', 'b', 'c', 'd', 'e', 'f'].map(id => element(id)))
  const patience = { retries: 2, firstMs: 10, pausedMs: 20, giveUpMs: 2000 }
  const sync = createSync({
    name: 'plant',
    source,
    target: sqlite(path, { thread }),
    strategy: { batchSize: 2, patience },
  })
  onTestFinished(() => sync.close())
  return { path, source, sync, ids: () => idsIn(path) }
}

function idsIn(path: string): unknown[] {
  const file = new DatabaseSync(path, { timeout: 10_000 })
  try {
    const rows = file.prepare('select id from elements order by id').all()
    return rows.map(({ id }) => id)
  } finally {
    file.close()
  }
}

const all = ['a', 'b', 'c', 'd', 'e', 'f']

function remove(path: string): void {
  for (const name of [path, `${path}-wal`, `${path}-shm`]) rmSync(name, { force: true })
}

/** Once, when the source is asked for its third page. */
function onThirdPage(source: ListSource, what: () => void): void {
  let isOver = false
  source.beforePage = page => {
    if (isOver || page < 3) return
    isOver = true
    what()
  }
}

for (const { where, thread } of threads) {
  test(`${where}: a file that is removed in the middle of a run ends it, and the next one starts anew`, async () => {
    const { path, source, sync, ids } = scene(thread)
    onThirdPage(source, () => remove(path))
    const failure = await sync.run().catch(error => error)
    expect(failure).toMatchObject({ code: 'target_unavailable', retryable: false })
    expect(failure.message).toContain(`${path} was removed while it was in use`)
    expect(existsSync(path), 'nobody made another one in its place').toBe(false)
    expect(await sync.run()).toMatchObject({ state: 'completed', resumed: false, inserted: 6 })
    expect(ids()).toEqual(all)
  })

  test(`${where}: a file that is replaced in the middle of a run ends it, and nothing of it is in the other one`, async () => {
    const { folder, path, source, sync, ids } = scene(thread)
    const other = join(folder, 'other.db')
    await plant(other, false).sync.run()
    const made = new DatabaseSync(other)
    made.exec(`update elements set attributes = '{"value":"theirs"}'; pragma wal_checkpoint(truncate)`)
    made.close()
    onThirdPage(source, () => {
      remove(path)
      renameSync(other, path)
    })
    const former = readFileSync(other)
    const failure = await sync.run().catch(error => error)
    expect(failure).toMatchObject({ code: 'target_unavailable', retryable: false })
    expect(failure.message).toContain(`${path} was replaced by another file`)
    expect(readFileSync(path).equals(former), 'not one byte of it').toBe(true)
    expect(await sync.run()).toMatchObject({ state: 'completed', resumed: false })
    expect(ids()).toEqual(all)
  })
}

test('a file that is removed between two runs is made anew, without a word', async () => {
  const { path, sync, ids } = scene(false)
  await sync.run()
  remove(path)
  expect(await sync.run()).toMatchObject({ state: 'completed', inserted: 6 })
  expect(ids()).toEqual(all)
})

/** Connections to SQLite files that are open in this thread. */
function connections(): () => DatabaseSync[] {
  const spy = vi.spyOn(DatabaseSync.prototype, 'exec')
  onTestFinished(() => spy.mockRestore())
  return () => [...new Set(spy.mock.contexts as DatabaseSync[])].filter(({ isOpen }) => isOpen)
}

test('a connection that became read-only is opened anew: the run goes on by itself', async () => {
  const opened = connections()
  const { source, sync, ids } = scene(false)
  onThirdPage(source, () => {
    for (const connection of opened()) connection.exec('pragma query_only = on')
  })
  const told: string[] = []
  const stats = await sync.run({ onProgress: ({ waitingFor }) => waitingFor && told.push(waitingFor) })
  expect(stats).toMatchObject({ state: 'completed', inserted: 6 })
  expect(told[0]).toContain('is read-only')
  expect(ids()).toEqual(all)
})

/** A small disk where this user may mount one; else a limit on the size of files. */
function smallDisk() {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-small-disk-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { stdio: 'ignore' })
  } catch {
    const limit = (bytes: string) => execFileSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}:`])
    onTestFinished(() => void limit('unlimited'))
    return { disk, fill: () => limit('200000'), free: () => limit('unlimited') }
  }
  onTestFinished(() => void execFileSync('umount', ['-l', disk]))
  const filler = join(disk, 'filler')
  return { disk, fill: () => fillUp(filler), free: () => rmSync(filler) }
}

function fillUp(path: string): void {
  for (let bytes = 2 ** 20; bytes > 4096; bytes /= 2)
    try {
      writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' })
    } catch {
      // As much as there is room for.
    }
}

for (const { where, thread } of threads)
  test(`${where}: a disk that is full is waited for; when there is room the run goes on without a restart`, async () => {
    const { disk, fill, free } = smallDisk()
    const { path, source, sync } = plant(join(disk, 'plant.db'), thread)
    const text = 'x'.repeat(200)
    source.records = Array.from({ length: 600 }, (_, number) => element(`e${number}`, `${text}${number}`))
    const large = createSync({
      name: 'plant',
      source,
      target: sqlite(path, { thread }),
      strategy: { batchSize: 200, patience: { firstMs: 20, pausedMs: 20 } },
    })
    onTestFinished(async () => {
      await large.close()
      await sync.close()
    })
    onThirdPage(source, fill)
    let told = ''
    const stats = await large.run({
      onProgress: ({ waitingFor }) => {
        if (!waitingFor || told) return
        told = waitingFor
        free()
      },
    })
    expect(told).toMatch(/the disk is full|the disk reports an error/)
    expect(stats).toMatchObject({ state: 'completed', inserted: 600 })
    expect(idsIn(path)).toHaveLength(600)
  })
