import { describe, expect, onTestFinished, test } from 'vitest'
import { HotwellError } from '../../src/core/errors.ts'
import { createSync, type SyncOptions } from '../../src/sync/create-sync.ts'
import type { JsonValue } from '../../src/sync/model/record.ts'
import { InstantClock } from '../../src/testing/instant-clock.ts'
import { Process } from '../../src/testing/sync-model.ts'
import { element, ListSource } from './list-source.ts'
import { postgresScene } from './postgres-scene.ts'
import { memoryTarget, postgresTarget, sqliteTarget, type WatchedTarget } from './split-targets.ts'

/** More than a run of this size takes. */
const mostSteps = 400
const postgres = postgresScene()
const targets: [string, () => WatchedTarget][] = [
  ['memory', () => memoryTarget(1)],
  ['memory, two lanes', () => memoryTarget(2)],
  ['sqlite', () => sqliteTarget(false)],
  ['sqlite in a thread', () => sqliteTarget(true)],
  ['postgres', () => postgresTarget(postgres, 1)],
  ['postgres, two lanes', () => postgresTarget(postgres, 2)],
]

const change = (of: string, attributes: Record<string, JsonValue>, more: object = {}) => ({
  element: of,
  attributes,
  ...more,
})
const ids = ['a', 'b', 'c', 'd', 'e', 'f']
const elements = (value: unknown = 1, of = ids) => of.map(id => element(id, value))
/** All elements first, and a change for each behind them: each is in another transaction than its element. */
const apart = (more: Record<string, JsonValue> = { more: 1 }) => [...elements(), ...ids.map(id => change(id, more))]
const merged = (text = '{"more":1,"value":1}', of = ids) => of.map(id => `${id} ${text}`)

describe.each(targets)('changes that come apart from their element, %s', (_, open) => {
  function scene(records: unknown[], more: SyncOptions['strategy'] = {}) {
    const watched = open()
    const source = new ListSource(records)
    const strategy = { batchSize: 2, deleteGuard: { fraction: 1 }, ...more }
    const opened = (target = watched.target) =>
      createSync({ name: 'plant', source, target, clock: new InstantClock(), strategy })
    const sync = opened()
    onTestFinished(async () => {
      await sync.close()
      await watched.close()
    })
    return { source, opened, sync, ...watched }
  }

  test('an unchanged source writes nothing the second time, nor ever after', async () => {
    const { sync, rows, watch, written, split } = scene(apart())
    await sync.run()
    expect(await rows()).toEqual(merged())
    await watch()
    for (let time = 2; time <= 3; time++) {
      const stats = await sync.run()
      expect(stats).toMatchObject({ total: 12, inserted: 0, updated: 0, unchanged: 12, deleted: 0, failed: 0 })
    }
    expect(await written()).toEqual([])
    expect(await split()).toEqual(ids)
  })

  test('the first time, a change is there as soon as it has come', async () => {
    const { sync, source, rows } = scene([...apart(), element('x')])
    source.beforePage = page => {
      if (page === 7) throw new HotwellError('source_failed', 'The file ends too soon.', { retryable: false })
    }
    await expect(sync.run()).rejects.toThrow('ends too soon')
    expect(await rows()).toEqual(merged())
  })

  test('what changes is written once, as it is at the end: readers never see a row go back', async () => {
    const { sync, source, rows, watch, written } = scene([...apart({ more: 1, lost: 1 })])
    await sync.run()
    await watch()
    source.records = [
      element('a', 2),
      ...elements().slice(1),
      change('a', { more: 1, lost: 1 }),
      change('b', { more: 2, lost: 1 }),
      change('c', { more: 1 }),
      change('d', { value: null, lost: 1 }),
      change('e', { more: 1, lost: 1 }),
      change('f', { more: 3 }),
      change('e', { lost: 4 }),
      change('f', { lost: 1, more: 1 }),
    ]
    expect(await sync.run()).toMatchObject({ total: 14, updated: 5, unchanged: 9, deleted: 0 })
    const now = [
      'a {"lost":1,"more":1,"value":2}',
      'b {"lost":1,"more":2,"value":1}',
      'c {"more":1,"value":1}',
      'd {"lost":1}',
      'e {"lost":4,"more":1,"value":1}',
    ]
    expect(await rows()).toEqual([...now, 'f {"lost":1,"more":1,"value":1}'])
    expect(await written()).toEqual(now)
    expect(await sync.run()).toMatchObject({ updated: 0 })
    expect(await sync.verify()).toMatchObject({ equal: true })
  })

  test('a change that is gone is taken back, and its element is forgotten', async () => {
    const { sync, source, rows, watch, written, split } = scene(apart())
    await sync.run()
    await watch()
    source.records = [...elements(), change('b', { more: 1 })]
    expect(await sync.run()).toMatchObject({ updated: 5 })
    expect(await rows()).toEqual(ids.map(id => (id === 'b' ? 'b {"more":1,"value":1}' : `${id} {"value":1}`)))
    expect(await written()).toHaveLength(5)
    expect(await split()).toEqual(['b'])
  })

  test('an element that is gone is deleted in the same run, whatever changes there still are for it', async () => {
    const { sync, source, rows, split } = scene([
      ...elements(1, ['a', 'b', 'c', 'd', 'e', 'e2']),
      element('f'),
      change('f', { more: 1 }),
      change('e', { more: 1 }),
    ])
    await sync.run()
    expect(await split()).toEqual(['e'])
    source.records = [
      ...elements(1, ['a', 'd']),
      // Known as split, in one transaction with its element, and neither.
      change('e', { more: 2 }),
      element('g'),
      change('f', { more: 2 }),
      element('h'),
      change('b', { more: 3 }),
      change('b', { more: 4 }),
    ]
    expect(await sync.run()).toMatchObject({ deleted: 5 })
    expect(await rows()).toEqual(merged('{"value":1}', ['a', 'd', 'g', 'h']))
    expect(await split()).toEqual([])
    source.records = apart()
    await sync.run()
    expect(await rows()).toEqual(merged())
  })

  test('an element that comes with its change for once is still one that has some', async () => {
    const { sync, source, rows, watch, written, split } = scene(apart())
    await sync.run()
    await watch()
    source.records = ids.flatMap(id => [element(id), change(id, { more: 1 })])
    expect(await sync.run()).toMatchObject({ updated: 0 })
    expect(await split()).toEqual(ids)
    source.records = apart()
    expect(await sync.run()).toMatchObject({ updated: 0 })
    expect(await written()).toEqual([])
    source.records = elements()
    expect(await sync.run()).toMatchObject({ updated: 6 })
    expect(await rows()).toEqual(merged('{"value":1}'))
    expect(await split()).toEqual([])
  })

  test('a change before its element is of no effect, and is not written each time', async () => {
    const { sync, rows, watch, written } = scene([...ids.map(id => change(id, { more: 1 })), ...elements()])
    await sync.run()
    await sync.run()
    expect(await rows()).toEqual(merged('{"value":1}'))
    await watch()
    expect(await sync.run()).toMatchObject({ updated: 0 })
    expect(await written()).toEqual([])
  })

  test('of an element that comes twice, with changes for both, the last one stays', async () => {
    const { sync, rows, watch, written } = scene([
      ...elements(),
      ...ids.map(id => change(id, { more: 1 })),
      ...elements(2),
      ...ids.map(id => change(id, { other: 1 })),
    ])
    await sync.run()
    expect(await rows()).toEqual(merged('{"other":1,"value":2}'))
    await watch()
    expect(await sync.run()).toMatchObject({ updated: 0 })
    expect(await written()).toEqual([])
  })

  test('an incremental run keeps changes that it does not read, and adds those that it does', async () => {
    const at = (minutes: number) => ({ modifiedAt: Date.UTC(2025, 5, 1) + minutes * 60_000 })
    const { sync, source, rows, watch, written } = scene(
      [...ids.map(id => element(id, 1, at(0))), ...ids.map(id => change(id, { more: 1 }))],
      { mode: 'incremental' },
    )
    await sync.run()
    await watch()
    expect(await sync.run()).toMatchObject({ mode: 'incremental', total: 12, updated: 0 })
    source.records = [element('a', 2, at(1)), element('b', 1, at(0)), element('c', 3, at(1)), change('d', { new: 1 })]
    expect(await sync.run()).toMatchObject({ mode: 'incremental', updated: 3 })
    expect(await rows()).toEqual([
      'a {"more":1,"value":2}',
      'b {"more":1,"value":1}',
      'c {"more":1,"value":3}',
      'd {"more":1,"new":1,"value":1}',
      ...merged(undefined, ['e', 'f']),
    ])
    expect(await written()).toHaveLength(3)
    source.records = [element('d', 4, at(2))]
    await sync.run()
    expect((await rows())[3]).toBe('d {"more":1,"new":1,"value":4}')
    // The attributes of whole elements are no changes of theirs.
    source.records = [element('e', 1, { attributes: { value: 1, once: 1 } })]
    await sync.run({ part: { only: 'attributes' } })
    expect((await rows())[4]).toBe('e {"more":1,"once":1,"value":1}')
    source.records = [element('e', 6, at(2))]
    await sync.run()
    expect((await rows())[4]).toBe('e {"more":1,"value":6}')
    source.records = [...ids.map(id => element(id, 5, at(3))), ...ids.map(id => change(id, { more: 1 }))]
    expect(await sync.run({ mode: 'full' })).toMatchObject({ mode: 'full', updated: 6 })
    expect(await rows()).toEqual(merged('{"more":1,"value":5}'))
  })

  test('a part on demand keeps them, and what verifying repairs is exact', async () => {
    const { sync, source, rows } = scene(apart())
    await sync.run()
    source.get = async () => [element('a', 2)]
    await sync.run({ part: { elements: ['a'] } })
    expect((await rows())[0]).toBe('a {"more":1,"value":2}')
    source.records = [...elements(), ...ids.map(id => change(id, { other: 2 }))]
    expect(await sync.verify({ repair: true })).toMatchObject({ different: 6, repaired: 6 })
    expect(await rows()).toEqual(merged('{"other":2,"value":1}'))
    expect(await sync.run()).toMatchObject({ updated: 0 })
    expect(await sync.verify()).toMatchObject({ equal: true })
  })

  test('an element that cannot be read stays as it is, with its changes of now', async () => {
    const { sync, source, rows } = scene(apart())
    await sync.run()
    source.records = [...elements(2), ...ids.map(id => change(id, { more: 1 }))]
    await sync.verify({ repair: true })
    source.records = [element('a', 3, { attributes: 'none' }), ...elements(2).slice(1), change('a', { more: 2 })]
    expect(await sync.run()).toMatchObject({ failed: 1, deleted: 0 })
    expect((await rows())[0]).toBe('a {"more":2,"value":2}')
  })

  test('an element that somebody else has deleted comes back whole', async () => {
    const { sync, rows, remove, split } = scene(apart())
    await sync.run()
    await remove('c')
    expect(await sync.run()).toMatchObject({ inserted: 1 })
    expect(await rows()).toEqual(merged())
    expect(await sync.run()).toMatchObject({ inserted: 0, updated: 0 })
    expect(await split()).toEqual(ids)
  })

  test('a sync without such changes leaves no trace of them', async () => {
    const { sync, split } = scene(ids.flatMap(id => [element(id), change(id, { more: 1 })]))
    await sync.run()
    await sync.run()
    expect(await split()).toEqual([])
  })

  test('killed at any step and resumed: each row is written once at most, as it is at the end', async () => {
    const before = [...elements(1, ['a', 'b', 'c', 'd']), ...['a', 'b', 'c', 'd'].map(id => change(id, { more: 1 }))]
    const after = [
      ...elements(1, ['a', 'b']),
      element('d', 4),
      ...['b', 'd', 'a'].map(id => change(id, { more: id === 'a' ? 1 : 2 })),
    ]
    const expected = ['a {"more":1,"value":1}', 'b {"more":2,"value":1}', 'd {"more":2,"value":4}']
    const { source, sync, opened, target, rows, watch, written } = scene(before)
    for (const step of killSteps(target.name)) {
      source.records = before
      await sync.run()
      await watch()
      source.records = after
      const process = new Process(step)
      const killed = opened(process.target(target)).run()
      const ended = await Promise.race([process.ended, killed.then(() => 'completed')])
      await sync.run()
      expect(await rows(), `killed at step ${step}`).toEqual(expected)
      expect((await written()).sort(), `killed at step ${step}`).toEqual([
        'b {"more":2,"value":1}',
        'c',
        'd {"more":2,"value":4}',
      ])
      if (ended === 'completed') return
    }
    expect.unreachable('the last step was not reached')
  })
})

/** From the first one with a connection on; with a database each one takes its time, and only some are. */
function killSteps(name: string): number[] {
  const every = name === 'memory' || process.env.HOTWELL_TEST_SCALE === 'long' ? 1 : 41
  return Array.from({ length: Math.ceil(mostSteps / every) }, (_, number) => 3 + number * every)
}
