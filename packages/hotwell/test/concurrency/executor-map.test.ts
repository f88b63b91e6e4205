import { describe, expect, test } from 'vitest'
import { createExecutor } from '../../src/concurrency/executor.ts'

const turn = () => new Promise(resolve => setImmediate(resolve))

/** Numbers without end, with a count of how many were read. */
function numbers(end = Number.POSITIVE_INFINITY) {
  const source = { read: 0, isClosed: false, items: read() }
  async function* read(): AsyncGenerator<number> {
    try {
      while (source.read < end) yield source.read++
    } finally {
      source.isClosed = true
    }
  }
  return source
}

describe('map', () => {
  test('every item comes out once, with its index, also of a long source', async () => {
    await using executor = createExecutor({ concurrency: 7 })
    const seen = new Set<number>()
    for await (const result of executor.map(numbers(10_000).items, async item => item * 2)) {
      expect(result).toEqual({ status: 'fulfilled', item: result.index, index: result.index, value: 2 * result.index })
      seen.add(result.index)
    }
    expect(seen.size).toBe(10_000)
  })

  test('nothing waits for a slow one', async () => {
    await using executor = createExecutor({ concurrency: 2 })
    const slow = Promise.withResolvers<string>()
    const order: number[] = []
    for await (const { index } of executor.map(['slow', 'a', 'b'], item => (item === 'slow' ? slow.promise : item))) {
      order.push(index)
      if (order.length === 2) slow.resolve('')
    }
    expect(order).toEqual([1, 2, 0])
  })

  test('at most a batch waits for its turn', async () => {
    const executor = createExecutor({ concurrency: 3 })
    const source = numbers()
    const never = new Promise(() => {})
    const controller = new AbortController()
    const results = executor.map(source.items, () => never, { signal: controller.signal, batchSize: 20 })
    void results.next().catch(() => {})
    for (let count = 0; count < 100; count++) await turn()
    // One more is in the hand of the reader.
    expect(source.read).toBe(3 + 20 + 1)
    expect(executor.statistics()).toMatchObject({ inFlight: 3, queued: 20 })
  })

  test('who does not take the results stops the reading', async () => {
    const executor = createExecutor({ concurrency: 3 })
    const source = numbers()
    const results = executor.map(source.items, item => item, { batchSize: 10 })
    await results.next()
    for (let count = 0; count < 100; count++) await turn()
    expect(source.read).toBeLessThan(10 + 3 + 2 + 10)
    await results.return()
    await executor.close()
  })

  test('a full queue holds the reading back instead of refusing', async () => {
    await using executor = createExecutor({ concurrency: 1, queueLimit: 2 })
    let count = 0
    for await (const { status } of executor.map(numbers(500).items, item => item)) if (status === 'fulfilled') count++
    expect(count).toBe(500)
    expect(executor.statistics().refused).toBe(0)
  })

  test('an item that fails is told and does not stop the others', async () => {
    await using executor = createExecutor({ retries: 0 })
    const failed: unknown[] = []
    for await (const result of executor.map([1, 2, 3], item => (item === 2 ? Promise.reject('two') : item))) {
      if (result.status === 'rejected') failed.push(result)
    }
    expect(failed).toEqual([{ status: 'rejected', item: 2, index: 1, reason: 'two' }])
  })

  test('a source that fails is told after the results of what it had given', async () => {
    await using executor = createExecutor()
    async function* broken() {
      yield 1
      yield 2
      throw new Error('the source is gone')
    }
    const seen: number[] = []
    const loop = async () => {
      for await (const { item } of executor.map(broken(), item => item)) seen.push(item)
    }
    await expect(loop()).rejects.toThrow('the source is gone')
    expect(seen.sort()).toEqual([1, 2])
  })

  test('leaving the loop aborts what is under way, waits for its end and closes the source', async () => {
    await using executor = createExecutor({ concurrency: 4, retries: 0 })
    const source = numbers()
    let ended = 0
    const task = (item: number, { signal }: { signal: AbortSignal }) => {
      if (item === 0) return item
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () =>
          setImmediate(() => {
            ended++
            reject(signal.reason)
          }),
        ),
      )
    }
    for await (const { index } of executor.map(source.items, task)) {
      expect(index).toBe(0)
      for (let count = 0; count < 20; count++) await turn()
      break
    }
    expect(ended).toBe(4)
    expect(executor.statistics()).toMatchObject({ inFlight: 0, queued: 0 })
    await turn()
    expect(source.isClosed).toBe(true)
  })

  test('its signal ends it with the reason', async () => {
    await using executor = createExecutor({ concurrency: 4 })
    const controller = new AbortController()
    const loop = async () => {
      for await (const { index } of executor.map(numbers().items, item => item, { signal: controller.signal })) {
        if (index === 500) controller.abort(new Error('enough'))
      }
    }
    await expect(loop()).rejects.toThrow('enough')
  })

  test('a closed executor reads nothing', async () => {
    const executor = createExecutor()
    await executor.close()
    await expect(executor.map([1], item => item).next()).rejects.toMatchObject({ code: 'closed' })
  })
})
