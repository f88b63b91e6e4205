import { expect, test } from 'vitest'
import { createSync, type SyncStrategy } from '../../src/sync/create-sync.ts'
import type { Target } from '../../src/sync/target.ts'
import { InstantClock } from '../../src/testing/instant-clock.ts'
import { MemoryTarget } from '../../src/testing/memory-target.ts'
import { element, elementsIn, ListSource } from './list-source.ts'

const pageRecords = 2
const ids = (from: number, count: number) => Array.from({ length: count }, (_, n) => `e${String(from + n)}`)
const rows = (of: readonly string[]) => of.map(id => `${id}=1`).sort()

/** Ends a run of two lanes where the first one has written more pages than the second one. */
async function apart() {
  const target = new MemoryTarget()
  const source = new ListSource(ids(100, 40).map(id => element(id)))
  let written = 0
  let isBroken = true
  const breaking: Target = {
    ...target,
    name: 'breaking',
    preferredBatch: pageRecords,
    connect: async sync => {
      const connection = await target.connect(sync)
      return new Proxy(connection, {
        get(_, name) {
          if (name !== 'transaction') return Reflect.get(connection, name)?.bind(connection)
          return async (lane: number, work: Parameters<typeof connection.transaction>[1]) => {
            if (isBroken && lane === 1 && ++written > 2) throw new Error('the second lane is broken')
            return connection.transaction(lane, work)
          }
        },
      })
    },
  }
  const begin = (strategy: SyncStrategy = {}) =>
    createSync({
      name: 'plant',
      source,
      target: breaking,
      strategy: {
        lanes: 2,
        batchSize: pageRecords,
        patience: { retries: 0 },
        deleteGuard: { fraction: 1 },
        ...strategy,
      },
      clock: new InstantClock(),
    })
  await expect(begin().run()).rejects.toThrow('the second lane is broken')
  isBroken = false
  return { source, target, begin }
}

const pageOf = ({ tables }: MemoryTarget, lane: number) =>
  JSON.parse(tables.lanes.get(`plant\0${lane}`)!.text).page as number

test('a source that has become shorter than what one lane had read is read anew, and nothing of it is skipped', async () => {
  const { source, target, begin } = await apart()
  const [ahead, behind] = [pageOf(target, 0), pageOf(target, 1)]
  expect(ahead).toBeGreaterThan(behind)
  const kept = source.records.slice(0, behind * pageRecords)
  const added = ids(500, 4)
  source.records = [...kept, ...added.map(id => element(id))]
  await begin().run()
  expect(elementsIn(target)).toEqual(rows([...kept.map(record => (record as { id: string }).id), ...added]))
})

test('so is one whose pages are larger than they were', async () => {
  const { source, target, begin } = await apart()
  source.records.push(...ids(500, 3).map(id => element(id)))
  await begin({ batchSize: 50 }).run()
  expect(elementsIn(target)).toEqual(rows([...ids(100, 40), ...ids(500, 3)]))
})

test('so is one whose records are others than those that a lane had read; one that is the same is not', async () => {
  for (const value of [2, 1]) {
    const { source, target, begin } = await apart()
    const [ahead, behind] = [pageOf(target, 0), pageOf(target, 1)]
    const before = source.requests.length
    source.records = source.records.map((record, at) =>
      at >= behind * pageRecords && at < ahead * pageRecords ? element((record as { id: string }).id, value) : record,
    )
    await begin().run()
    expect(elementsIn(target)).toEqual(
      ids(100, 40).map((id, at) => `${id}=${at >= behind * pageRecords && at < ahead * pageRecords ? value : 1}`),
    )
    expect(source.requests.length - before).toBe(value === 1 ? 1 : 2)
  }
})
