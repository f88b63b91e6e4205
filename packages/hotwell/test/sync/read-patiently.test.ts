import { expect, test } from 'vitest'
import { HotwellError } from '../../src/core/errors.ts'
import { createSync } from '../../src/sync/create-sync.ts'
import { InstantClock } from '../../src/testing/instant-clock.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import { element, ListSource, relation, relationsIn } from './list-source.ts'

/** A source of five pages that fails before the fourth one, as often as it is told. */
function failing(times: number) {
  const source = new ListSource(Array.from({ length: 10 }, (_, n) => element(`e${n}`)))
  for (let n = 1; n < 10; n++) source.records.push(relation('e0', `e${n}`))
  let left = times
  source.beforePage = page => {
    if (page === 4 && left-- > 0) throw new HotwellError('source_failed', 'The source is away.', { retryable: true })
  }
  const target = new MemoryTarget()
  const sync = createSync({
    name: 'plant',
    source,
    target,
    strategy: { batchSize: 4, patience: { retries: 3 } },
    clock: new InstantClock(),
  })
  return { source, target, sync }
}

test('a part is read on where the source failed', async () => {
  const { source, target, sync } = failing(1)
  await sync.run({ part: { elements: Array.from({ length: 10 }, (_, n) => `e${n}`) } })
  expect(target.tables.elements.size).toBe(10)
  expect(source.requests.map(({ after }) => after)).toEqual([undefined, '12'])
  await sync.run({ part: { only: 'relations' } })
  expect(relationsIn(target)).toHaveLength(9)
})

test('where positions do not last, from the beginning', async () => {
  const { source, target, sync } = failing(2)
  source.cursors = 'session'
  await sync.run({ part: { subtree: 'e0' } })
  expect([...target.tables.elements.keys()]).toEqual(['e0'])
  expect(source.requests.every(({ after }) => after === undefined)).toBe(true)
})

test('a comparison begins its reading anew, and counts nothing twice', async () => {
  const { sync, source } = failing(0)
  await sync.run()
  let left = 2
  source.beforePage = page => {
    if (page === 3 && left-- > 0) throw new HotwellError('source_failed', 'The source is away.', { retryable: true })
  }
  expect(await sync.verify()).toMatchObject({ equal: true, elements: { source: 10 }, relations: { source: 9 } })
})

test('control: what cannot be tried again ends a part and a comparison', async () => {
  const { sync, source } = failing(0)
  source.beforePage = page => {
    if (page === 3) throw new HotwellError('source_failed', 'The source is gone.', { retryable: false })
  }
  await expect(sync.run({ part: { only: 'relations' } })).rejects.toThrow('The source is gone')
  await expect(sync.verify()).rejects.toThrow('The source is gone')
})
