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
