import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { HotwellError } from '../../src/core/errors.ts'
import { createSync, type SyncOptions } from '../../src/sync/create-sync.ts'
import type { SyncEvents } from '../../src/sync/sync-events.ts'
import type { Target, TargetConnection } from '../../src/sync/target.ts'
import { jsonl } from '../../src/sync/targets/jsonl.ts'
import { sqlite } from '../../src/sync/targets/sqlite.ts'
import { InstantClock } from '../../src/testing/instant-clock.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import { element, elementsIn, ListSource, relation } from './list-source.ts'

const many = (count: number, value = 1) => Array.from({ length: count }, (_, n) => element(`e${1000 + n}`, value))

function scene(records: unknown[], options: Partial<SyncOptions> = {}) {
  const source = new ListSource(records)
  const target = options.target ?? new MemoryTarget()
  const sync = createSync({ name: 'plant', source, clock: new InstantClock(), ...options, target })
  onTestFinished(() => sync.close())
  const told: string[] = []
  const hear = <Name extends keyof SyncEvents>(name: Name, text: (event: SyncEvents[Name]) => string) =>
    sync.on(name, event => void told.push(`${name}: ${text(event)}`))
  return { source, target: target as MemoryTarget, sync, told, hear }
}

/** A target some of whose transactions fail. */
function failing(inner: Target, fails: (transaction: number) => boolean): Target {
  let transactions = 0
  const broken = (connection: TargetConnection): TargetConnection['transaction'] => {
    return (lane, work) => {
      if (lane >= 0 && fails(++transactions))
        return Promise.reject(new HotwellError('target_unavailable', 'The disk is full.'))
      return connection.transaction(lane, work)
    }
  }
  return {
    name: inner.name,
    preferredBatch: inner.preferredBatch,
    preferredLanes: inner.preferredLanes,
    async connect(sync) {
      const connection = await inner.connect(sync)
      return new Proxy(connection, {
        get: (_, name) =>
          name === 'transaction' ? broken(connection) : Reflect.get(connection, name)?.bind(connection),
      })
    },
  }
}

test('each transaction that is rolled back is told, also the last one of a run that ends by it', async () => {
  const patience = { retries: 1, firstMs: 1, pausedMs: 1, giveUpMs: 1 }
  const { sync, hear, told } = scene(many(8), {
    target: failing(new MemoryTarget(), transaction => transaction === 2 || transaction > 3),
    strategy: { batchSize: 4, patience },
  })
  hear('batch.failed', ({ lane, records, attempt, code, message }) => [lane, records, attempt, code, message].join(' '))
  hear('batch.written', ({ attempts }) => `${attempts}`)
  await sync.run()
  expect(told).toEqual([
    'batch.written: 1',
    'batch.failed: 0 4 1 target_unavailable The disk is full.',
    'batch.written: 2',
  ])
  told.length = 0
  await expect(sync.run()).rejects.toMatchObject({ code: 'target_unavailable' })
  expect(told.at(0)).toBe('batch.failed: 0 4 1 target_unavailable The disk is full.')
})

test('what is deleted for being absent is told, also when the run that goes on with it is another one', async () => {
  const { sync, source, hear, told } = scene([...many(9), relation('e1000', 'e1001')])
  hear('absent.deleted', ({ elements, relations }) => `${elements} ${relations}`)
  await sync.run()
  expect(told).toEqual([])
  source.records = many(6)
  const deleted = await sync.run()
  expect(told).toEqual(['absent.deleted: 3 1'])
  expect(deleted.deleted).toBe(4)
})

test('a run has the name that it was given, in events and stats', async () => {
  const { sync, hear, told } = scene(many(2))
  hear('run.started', ({ run }) => run)
  hear('run.finished', ({ run }) => run)
  expect(await sync.run({ run: 'hourly-17' })).toMatchObject({ run: 'hourly-17' })
  expect(told).toEqual(['run.started: hourly-17', 'run.finished: hourly-17'])
})

test('a paused run ends when it is told to, without being resumed', async () => {
  const { sync, source } = scene(many(40))
  const ending = new AbortController()
  source.beforePage = page => {
    if (page !== 4) return
    sync.pause()
    setTimeout(() => ending.abort(new Error('enough')), 5)
  }
  await expect(sync.run({ signal: ending.signal })).rejects.toThrow('enough')
  source.beforePage = () => {}
  expect(await sync.run()).toMatchObject({ resumed: true, total: 40 })
})

test('while it reads what is at hand, whatever else waits for the thread has its turn', async () => {
  const { sync } = scene(many(40_000), { clock: undefined, strategy: { batchSize: 20_000 } })
  let turns = 0
  let isRunning = true
  const turn = () => {
    turns++
    if (isRunning) setImmediate(turn)
  }
  setImmediate(turn)
  await sync.run()
  isRunning = false
  expect(turns).toBeGreaterThan(10)
})

test('the first reading looks for nothing that is gone; what a part had brought before it does go', async () => {
  const first = scene([...many(20), relation('e1000', 'e1001')], { strategy: { batchSize: 5 } })
  await first.sync.run()
  expect(first.target.tables.seen.size).toBe(0)
  await first.sync.run()
  expect(first.target.tables.seen.size).toBeGreaterThan(0)
  const other = scene(many(3))
  await other.sync.run({ part: { elements: ['e1001'] } })
  other.source.records = [element('e1000')]
  expect(await other.sync.run()).toMatchObject({ deleted: 1 })
  expect(elementsIn(other.target)).toEqual(['e1000=1'])
})

test('a source that is never the same twice is read anew after longer and longer pauses, and given up', async () => {
  const clock = new InstantClock()
  const { sync, source } = scene(many(40), { clock, strategy: { batchSize: 4 } })
  const begunAt: number[] = []
  source.beforePage = page => {
    if (page === 1) begunAt.push(clock.monotonic())
    if (page === 3) throw new HotwellError('position_lost', 'It was replaced.')
  }
  await expect(sync.run()).rejects.toMatchObject({ code: 'source_failed', retryable: false })
  const pauses = begunAt.slice(1).map((at, index) => at - begunAt[index]!)
  expect(pauses).toHaveLength(19)
  expect(pauses[0]).toBe(0)
  expect(pauses[1]).toBeGreaterThanOrEqual(500)
  expect(pauses.at(-1)).toBeGreaterThanOrEqual(15_000)
})

test('an instant in the future hides nothing from incremental runs', async () => {
  const clock = new InstantClock()
  const at = (minutes: number) => ({ modifiedAt: clock.now() + minutes * 60_000 })
  const records = [element('a', 1, at(-30)), element('b', 1, at(-20)), element('ahead', 1, at(60 * 24 * 365))]
  const { sync, source } = scene(records, { clock, strategy: { mode: 'incremental' } })
  await sync.run()
  source.records = [element('b', 2, at(-10)), element('ahead', 1, at(60 * 24 * 365))]
  expect(await sync.run()).toMatchObject({ mode: 'incremental', updated: 1, unchanged: 1 })
  expect(source.requests.at(-1)!.filter).toEqual({ modifiedFromAt: at(-21).modifiedAt })
})

test('a source none of whose records can be taken is no success; the letters say why, each its own', async () => {
  const records = Array.from({ length: 1200 }, (_, n) => ({ name: `line ${n}` }))
  const { sync, source } = scene(records)
  const error = await sync.run().catch(error => error)
  expect(error).toMatchObject({ code: 'source_failed', retryable: false, details: { stats: { failed: 1200 } } })
  expect(await sync.deadLetters({ limit: 2000 })).toHaveLength(1200)
  source.records = [...records, element('good')]
  expect(await sync.run()).toMatchObject({ state: 'completed', failed: 1200, inserted: 1 })
})

test('what is known of the last run: none, one that was interrupted, one that is done', async () => {
  const { sync, source } = scene(many(40))
  expect(await sync.lastRun()).toBeUndefined()
  const ending = new AbortController()
  const during: unknown[] = []
  source.beforePage = async page => {
    if (page === 6) during.push(await sync.lastRun())
    if (page === 7) ending.abort(new Error('enough'))
  }
  await sync.run({ signal: ending.signal }).catch(() => {})
  expect(during).toMatchObject([{ state: 'interrupted', mode: 'full' }])
  const interrupted = await sync.lastRun()
  expect(interrupted).toMatchObject({ state: 'interrupted' })
  expect(interrupted!.counts.inserted).toBeGreaterThan(0)
  expect(interrupted!.counts.inserted).toBeLessThan(40)
  source.beforePage = () => {}
  await sync.run()
  expect(await sync.lastRun()).toMatchObject({ state: 'completed', counts: { read: 40, inserted: 40 } })
  expect((await sync.lastRun())!.fullAt).toBe((await sync.lastRun())!.begunAt)
})

test('dead letters are read page by page, whatever the target', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hotwell-letters-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const targets = [new MemoryTarget(), sqlite(join(folder, 'plant.db')), jsonl(join(folder, 'plant.jsonl'))]
  const records = [element('good'), ...['one', 'two', 'three'].map(id => ({ id, type: 7, name: id }))]
  for (const target of targets) {
    const { sync } = scene(records, { target })
    expect(await sync.deadLetters()).toEqual([])
    await sync.run()
    const [first, second] = await sync.deadLetters({ limit: 2 })
    const [third, none] = await sync.deadLetters({ after: second })
    expect([first, second, third].map(letter => letter!.key).sort()).toEqual(['one', 'three', 'two'])
    expect(none).toBeUndefined()
    expect(first).toEqual({
      kind: 'element',
      key: first!.key,
      reason: 'Its type is a number; it has to be a text.',
      record: JSON.stringify({ id: first!.key, type: 7, name: first!.key }),
    })
    await sync.close()
  }
})
