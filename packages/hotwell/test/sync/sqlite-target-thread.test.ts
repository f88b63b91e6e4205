import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createSync } from '../../src/sync/create-sync.ts'
import { rowOf } from '../../src/sync/engine/batch-builder.ts'
import type { Batch, ElementRow } from '../../src/sync/model/rows.ts'
import { runLane, type TargetConnection } from '../../src/sync/target.ts'
import { type SqliteTargetOptions, sqlite } from '../../src/sync/targets/sqlite.ts'
import { element, ListSource } from './list-source.ts'

const elements = (count: number, from = 0) => Array.from({ length: count }, (_, number) => element(`e${from + number}`))
const rows = (count: number, from = 0) => elements(count, from).map(given => rowOf(given as never))

const batch = (of: readonly ElementRow[]): Batch => {
  return { elements: of, attributes: [], deletedElements: [], relations: [], deletedRelations: [] }
}

function scene() {
  const folder = mkdtempSync(join(tmpdir(), 'hotwell-sqlite-thread-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'plant.db')
  const opened = <T>(work: (file: DatabaseSync) => T): T => {
    const file = new DatabaseSync(path, { timeout: 10_000 })
    try {
      return work(file)
    } finally {
      file.close()
    }
  }
  const read = (statement: string) =>
    opened(file => {
      const found = file.prepare(statement).all()
      return found.map(row => Object.values(row).join(' '))
    })
  return { path, read, opened }
}

/** The threads that are started while the test runs, and how many transactions this one has committed. */
function watched() {
  const workers: Worker[] = []
  const started = (worker: Worker) => workers.push(worker)
  process.on('worker', started)
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec')
  onTestFinished(() => {
    process.off('worker', started)
    exec.mockRestore()
  })
  const commits = () => exec.mock.calls.filter(([statement]) => statement === 'commit').length
  return { workers, commits }
}

async function connected(path: string, options: SqliteTargetOptions): Promise<TargetConnection> {
  const connection = await sqlite(path, options).connect('plant')
  onTestFinished(() => connection.close())
  await connection.claim()
  return connection
}

const put = (connection: TargetConnection, of: readonly ElementRow[]) =>
  connection.transaction(runLane, transaction => transaction.apply(batch(of)))

test('a large load goes over to a thread of its own while it is read', async () => {
  const { path, read } = scene()
  const { workers, commits } = watched()
  const source = new ListSource(elements(60_000))
  // Reading keeps this thread at work, as it does where files are parsed.
  source.beforePage = () => void JSON.stringify(JSON.parse(JSON.stringify(source.records.slice(0, 5000))))
  const sync = createSync({ name: 'plant', source, target: sqlite(path, { thread: 'auto' }) })
  onTestFinished(() => sync.close())
  let transactions = 0
  sync.on('batch.written', () => transactions++)
  expect(await sync.run()).toMatchObject({ inserted: 60_000, failed: 0 })
  expect(workers).toHaveLength(1)
  expect(transactions - commits(), 'transactions that this thread had nothing to do with').toBeGreaterThan(10)
  expect(read('select count(*), count(distinct id) from elements')).toEqual(['60000 60000'])
})

test('what is small, and what nothing goes on beside, is written without another thread', async () => {
  const { path } = scene()
  const { workers } = watched()
  const sync = createSync({
    name: 'small',
    source: new ListSource(elements(3000)),
    target: sqlite(path, { thread: 'auto' }),
  })
  await sync.run()
  await sync.close()
  const connection = await connected(path, { thread: 'auto' })
  for (let from = 0; from < 25_000; from += 1000) await put(connection, rows(1000, from))
  expect(workers).toEqual([])
})

test('a thread that dies in the middle loses nothing and doubles nothing, and the run goes on without it', async () => {
  const { path, read, opened } = scene()
  const { workers, commits } = watched()
  const source = new ListSource()
  const strategy = { batchSize: 100, patience: { firstMs: 5 } }
  const sync = createSync({ name: 'plant', source, target: sqlite(path, { thread: true }), strategy })
  onTestFinished(() => sync.close())
  await sync.run()
  opened(file => audit(file))
  source.records = elements(5000)
  const [before, told] = [commits(), [] as string[]]
  let transactions = 0
  sync.on('batch.written', () => {
    if (++transactions === 7) void workers[0]!.terminate()
  })
  const stats = await sync.run({ onProgress: ({ waitingFor }) => waitingFor && told.push(waitingFor) })
  expect(stats).toMatchObject({ state: 'completed', inserted: 5000, unchanged: 0 })
  expect(told[0]).toContain('the thread that did so ended')
  expect(commits() - before).toBeGreaterThan(30)
  expect(read('select count(*), count(distinct id) from audit')).toEqual(['5000 5000'])
})

/** Every element that is inserted counts, also one that is inserted again. */
function audit(file: DatabaseSync): void {
  file.exec(`create table audit (id text);
    create trigger inserted after insert on elements begin insert into audit values (new.id); end`)
}

test('processes that are killed while their thread writes lose nothing and double nothing', async () => {
  const { path, read, opened } = scene()
  const records = 8000
  await createSync({ name: 'plant', source: new ListSource(), target: sqlite(path) }).run()
  opened(file => audit(file))
  let kills = 0
  for (let isDone = false; !isDone; ) {
    const program = new URL('./sqlite-target-program.ts', import.meta.url)
    const child = fork(program, [JSON.stringify({ path, records })], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let told = 0
    child.on('message', (message: object) => {
      if ('done' in message) isDone = true
      else if (kills < 3 && ++told === 5 + 7 * kills) child.kill('SIGKILL')
    })
    const [code] = await once(child, 'exit')
    if (isDone) expect(code, 'it ends by itself').toBe(0)
    else kills++
    expect(code === 0 || code === null).toBe(true)
  }
  expect(kills).toBe(3)
  expect(read('select count(*), count(distinct id) from elements')).toEqual([`${records} ${records}`])
  expect(read('select count(*), count(distinct id) from audit')).toEqual([`${records} ${records}`])
})

test('a batch that is otherwise than all before it is counted as it is', async () => {
  const connection = await connected(scene().path, { thread: true })
  for (let from = 0; from < 100; from += 10)
    expect(await put(connection, rows(10, from))).toMatchObject({ inserted: 10, unchanged: 0 })
  expect(await put(connection, rows(10, 95)), 'half of them are there').toMatchObject({ inserted: 5, unchanged: 5 })
  const changed = rows(10, 20).map((row, at) => (at === 3 ? { ...row, hash: 'other' } : row))
  expect(await put(connection, changed)).toMatchObject({ inserted: 0, updated: 1, unchanged: 9 })
  expect(await connection.countOwn()).toBe(105)
})

test('in the thread as well, a record that the database cannot take is a dead letter, all others are written', async () => {
  const { path, read } = scene()
  const connection = await connected(path, { thread: true })
  for (let from = 0; from < 50; from += 10) await put(connection, rows(10, from))
  const wrong = rows(5, 50)
  wrong[2] = { ...wrong[2]!, type: null as never }
  expect(await put(connection, wrong)).toMatchObject({ inserted: 4, refused: [{ kind: 'element', key: 'e52' }] })
  expect(read('select count(*) from elements')).toEqual(['54'])
})

test('a thread whose sync was taken over writes nothing more, also where it was sure of its answers', async () => {
  const { path, read } = scene()
  const former = await connected(path, { thread: true })
  for (let from = 0; from < 50; from += 10) await put(former, rows(10, from))
  const next = await connected(path, { thread: true })
  await expect(put(former, rows(10, 50))).rejects.toMatchObject({ code: 'superseded' })
  await expect(former.transaction(runLane, async () => 'nothing at all')).rejects.toMatchObject({ code: 'superseded' })
  await put(next, rows(3, 50))
  expect(read('select count(*) from elements')).toEqual(['53'])
})

test('a thread that finds the file locked gives up after a while, with a word about it', async () => {
  const { path } = scene()
  const connection = await connected(path, { thread: true, busyLimitMs: 30 })
  const lock = new DatabaseSync(path)
  onTestFinished(() => lock.close())
  lock.exec('begin immediate')
  const failure = await put(connection, rows(1)).catch(error => error)
  expect(failure).toMatchObject({ code: 'target_unavailable', retryable: true })
  expect(failure.message).toMatch(/has been locked by another process for [1-9]\d+ ms/)
  lock.exec('rollback')
  expect(await put(connection, rows(1, 7))).toMatchObject({ inserted: 1 })
})

test('what is under way in the thread when its connection is closed is rolled back, and the file is free', async () => {
  const { path, read } = scene()
  const connection = await connected(path, { thread: true })
  const running = connection.transaction(runLane, async transaction => {
    await transaction.apply(batch(rows(10)))
    await connection.close()
    await transaction.save(runLane, 'never')
  })
  await expect(running).rejects.toMatchObject({ code: 'target_unavailable', message: `${path} has been closed.` })
  expect(read('select count(*) from elements')).toEqual(['0'])
  expect(await put(await connected(path, {}), rows(2))).toMatchObject({ inserted: 2 })
})
