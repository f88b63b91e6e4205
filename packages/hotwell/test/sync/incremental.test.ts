import { expect, test } from 'vitest'
import { createSync, type SyncStrategy } from '../../src/sync/create-sync.ts'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import { element, elementsIn, ListSource } from './list-source.ts'

const day = 86_400_000

/** A sync of what is modified, and a clock to let days go by. */
function scene(strategy: SyncStrategy = {}) {
  const clock = new FakeClock()
  const source = new ListSource()
  const target = new MemoryTarget()
  const add = (id: string) => source.records.push(element(id, 1, { modifiedAt: clock.now() }))
  const sync = createSync({ name: 'plant', source, target, strategy: { mode: 'incremental', ...strategy }, clock })
  return { clock, source, target, add, sync }
}

test('a week after a full run began an incremental one is full again, and deletes what is gone', async () => {
  const { clock, source, target, add, sync } = scene()
  add('a')
  add('b')
  expect(await sync.run()).toMatchObject({ mode: 'full' })
  source.records.shift()
  await clock.advance(6 * day)
  add('c')
  expect(await sync.run()).toMatchObject({ mode: 'incremental', deleted: 0 })
  await clock.advance(day)
  expect(await sync.run()).toMatchObject({ mode: 'full', deleted: 1 })
  expect(elementsIn(target)).toEqual(['b=1', 'c=1'])
  await clock.advance(6 * day)
  add('d')
  expect(await sync.run()).toMatchObject({ mode: 'incremental' })
})

test('another time can be given, or none', async () => {
  for (const [fullEverySeconds, mode] of [
    [3600, 'full'],
    [Number.POSITIVE_INFINITY, 'incremental'],
  ] as const) {
    const { clock, add, sync } = scene({ fullEverySeconds })
    add('a')
    await sync.run()
    await clock.advance(30 * day)
    expect(await sync.run(), `${fullEverySeconds}`).toMatchObject({ mode })
  }
})

test('an incremental run reads what was modified since, with an overlap, and deletes nothing', async () => {
  const { sync, source, target, clock } = scene()
  const at = (minutes: number) => ({ modifiedAt: clock.now() - day + minutes * 60_000 })
  source.records = [element('a', 1, at(0)), element('b', 1, at(10))]
  expect(await sync.run(), 'the first one is full').toMatchObject({ mode: 'full', inserted: 2 })
  source.records = [element('a', 2, at(0)), element('b', 2, at(9.5)), element('c', 1, at(20))]
  expect(await sync.run()).toMatchObject({ mode: 'incremental', total: 2, inserted: 1, updated: 1, deleted: 0 })
  expect(source.requests.at(-1)!.filter).toEqual({ modifiedFromAt: at(9).modifiedAt })
  source.records = [element('c', 1, at(20))]
  expect(await sync.run()).toMatchObject({ mode: 'incremental', deleted: 0 })
  expect(await sync.run({ mode: 'full' })).toMatchObject({ mode: 'full', deleted: 2 })
  expect(elementsIn(target)).toEqual(['c=1'])
})

test('a record that was modified is written, also where nothing else of it has changed: filters go by it', async () => {
  const { sync, source, target, clock } = scene()
  const at = clock.now() - day
  source.records = [element('a', 1, { modifiedAt: at }), element('b', 1, { modifiedAt: at })]
  await sync.run()
  source.records = [element('a', 1, { modifiedAt: at + 1 }), element('b', 1, { modifiedAt: at })]
  expect(await sync.run()).toMatchObject({ updated: 1, unchanged: 1 })
  expect(target.tables.elements.get('a')!.modifiedAt).toBe(at + 1)
  expect(await sync.run({ mode: 'full' })).toMatchObject({ updated: 0, unchanged: 2 })
})
