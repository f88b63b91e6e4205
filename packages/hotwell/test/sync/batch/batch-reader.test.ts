import { describe, expect, test } from 'vitest'
import { BatchReader, type BatchReaderOptions, type ReadItem } from '../../../src/sync/batch/batch-reader.ts'
import { settled } from '../../../src/testing/fake-clock.ts'

interface Load {
  readonly ids: readonly string[]
  readonly signal: AbortSignal
  readonly end: PromiseWithResolvers<readonly { id: string }[]>
}

const ids = (count: number) => Array.from({ length: count }, (_, number) => `e${number}`)
const valuesOf = (some: readonly string[]) => some.map(id => ({ id }))

/** A reader whose loads end when the test says so. */
function scene(options: Partial<BatchReaderOptions<{ id: string }>> = {}) {
  const loads: Load[] = []
  const reader = new BatchReader<{ id: string }>({
    get: (ids, { signal }) => {
      const end = Promise.withResolvers<readonly { id: string }[]>()
      loads.push({ ids, signal, end })
      return end.promise
    },
    batchSize: 2,
    ...options,
  })
  const end = async (number: number) => {
    await settled()
    const load = loads[number]!
    load.end.resolve(valuesOf(load.ids))
    await settled()
  }
  return { reader, loads, end }
}

async function all<Value>(items: AsyncIterable<ReadItem<Value>>): Promise<ReadItem<Value>[]> {
  const taken: ReadItem<Value>[] = []
  for await (const item of items) taken.push(item)
  return taken
}

describe('a batch reader', () => {
  test('yields in the order of the ids, whatever the order of the answers', async () => {
    const { reader, loads } = scene()
    const items = all(reader.read(ids(8)))
    await settled()
    expect(loads.length).toBe(4)
    for (const { ids, end } of loads.toReversed()) {
      end.resolve(valuesOf(ids).reverse())
      await settled()
    }
    expect((await items).map(({ id, value }) => `${id} ${value?.id}`)).toEqual(ids(8).map(id => `${id} ${id}`))
  })

  test('says what is missing', async () => {
    const reader = new BatchReader<{ id: number }>({ get: async () => [{ id: 7 }, { id: 9 }] })
    expect(await all(reader.read(['7', '8', '9']))).toEqual([
      { id: '7', value: { id: 7 } },
      { id: '8', value: undefined },
      { id: '9', value: { id: 9 } },
    ])
    const { found, missing } = await reader.readAll(['9', '8', '7', '8'])
    expect([[...found.keys()], missing]).toEqual([['9', '7'], ['8']])
    expect(reader.stats()).toMatchObject({ loads: 2, found: 4, missing: 3 })
  })

  test('never has more loads under way than it may, and begins one as soon as one ends', async () => {
    const { reader, loads, end } = scene({ concurrency: 3, prefetch: 20 })
    const items = all(reader.read(ids(20)))
    await settled()
    expect(loads.length).toBe(3)
    for (let number = 0; number < 10; number++) {
      await end(number)
      expect(loads.length).toBe(Math.min(10, number + 4))
    }
    expect(await items).toHaveLength(20)
    expect(reader.stats().mostAtOnce).toBe(3)
  })

  test('reads ahead of whoever takes, and no further than it may', async () => {
    const { reader, loads } = scene({
      concurrency: 2,
      prefetch: 3,
      get: async (ids, { signal }) => {
        loads.push({ ids, signal, end: Promise.withResolvers() })
        return valuesOf(ids)
      },
    })
    const items = reader.read(ids(100))
    await items.next()
    await settled()
    expect(loads.length).toBe(4)
    await items.next()
    await settled()
    expect(loads.length).toBe(4)
    await items.next()
    await settled()
    expect(loads.length).toBe(5)
    await items.return()
  })

  test('ids may come one by one; no more of them are taken than needed', async () => {
    let taken = 0
    async function* endless() {
      for (;;) yield `e${taken++}`
    }
    const { reader } = scene({ concurrency: 1, prefetch: 2, get: async ids => valuesOf(ids) })
    const items = reader.read(endless())
    expect((await items.next()).value).toEqual({ id: 'e0', value: { id: 'e0' } })
    await items.return()
    await settled()
    expect(taken).toBeLessThanOrEqual(8)
  })

  test('whoever stops taking aborts what is under way', async () => {
    const { reader, loads, end } = scene({ concurrency: 2 })
    const items = reader.read(ids(20))
    const first = items.next()
    await end(0)
    await first
    await items.return()
    await settled()
    expect(loads.slice(1).map(({ signal }) => signal.aborted)).toEqual([true, true])
    expect(loads.length).toBe(3)
  })

  test('an abort ends the reading at once with its own reason, also while a load does not answer', async () => {
    const { reader, loads } = scene()
    const ends = new AbortController()
    const items = all(reader.read(ids(20), { signal: ends.signal }))
    await settled()
    const reason = new Error('enough')
    ends.abort(reason)
    await expect(items).rejects.toBe(reason)
    expect(loads.every(({ signal }) => signal.reason === reason)).toBe(true)
    await expect(reader.readAll(['a'], { signal: ends.signal })).rejects.toBe(reason)
    expect(loads.length).toBe(4)
  })

  test('a load that fails ends the reading at its place, and no other begins', async () => {
    const { reader, loads, end } = scene({ concurrency: 2 })
    const seen: string[] = []
    const reading = (async () => {
      for await (const { id } of reader.read(ids(20))) seen.push(id)
    })()
    await settled()
    loads[1]!.end.reject(new Error('no answer'))
    await settled()
    expect([seen, loads.length]).toEqual([[], 2])
    const failed = expect(reading).rejects.toThrow('no answer')
    await end(0)
    await failed
    expect([seen, loads.length]).toEqual([['e0', 'e1'], 2])
    expect(reader.stats().failures).toBe(1)
  })

  test('ids that fail end the reading behind those that came', async () => {
    async function* failing() {
      yield 'a'
      yield 'b'
      throw new Error('no more ids')
    }
    const { reader } = scene({ get: async ids => valuesOf(ids) })
    const seen: string[] = []
    await expect(
      (async () => {
        for await (const { id } of reader.read(failing())) seen.push(id)
      })(),
    ).rejects.toThrow('no more ids')
    expect(seen).toEqual(['a', 'b'])
  })

  test('a loader may answer by id; a list whose values have no id needs idOf', async () => {
    const byId = new BatchReader<string>({ get: async ids => new Map(ids.map(id => [id, id.toUpperCase()])) })
    expect((await byId.readAll(['a', 'b'])).found).toEqual(new Map(Object.entries({ a: 'A', b: 'B' })))
    const named = new BatchReader<{ key: string }>({ get: async () => [{ key: 'a' }], idOf: ({ key }) => key })
    expect((await named.readAll(['a'])).missing).toEqual([])
    const nameless = new BatchReader<{ key: string }>({ get: async () => [{ key: 'a' }] })
    await expect(nameless.readAll(['a'])).rejects.toMatchObject({ code: 'invalid_configuration' })
  })

  test('nothing asked for is nothing loaded; an id asked for twice in a batch is loaded once', async () => {
    const { reader, loads } = scene({ batchSize: 10 })
    expect(await reader.readAll([])).toEqual({ found: new Map(), missing: [] })
    const items = all(reader.read(['a', 'b', 'a']))
    await settled()
    expect(loads.map(({ ids }) => ids)).toEqual([['a', 'b']])
    loads[0]!.end.resolve([{ id: 'a' }])
    expect((await items).map(({ value }) => value?.id)).toEqual(['a', undefined, 'a'])
  })
})
