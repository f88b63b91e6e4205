import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BatchBuffer, type BatchBufferOptions } from '../../../src/sync/batch/batch-buffer.ts'
import type { RecordBatch } from '../../../src/sync/batch/collected-records.ts'
import { type Element, isAttributeChange, isRelation, type SyncRecord } from '../../../src/sync/model/record.ts'
import { mergeAttributes } from '../../../src/sync/model/record-hash.ts'
import { FakeClock, settled } from '../../../src/testing/fake-clock.ts'
import { element as anyElement, relation } from '../list-source.ts'

/** A buffer whose flushes end when the test says so. */
function scene(options: Partial<BatchBufferOptions> = {}) {
  const clock = new FakeClock()
  const batches: RecordBatch[] = []
  const ends: PromiseWithResolvers<void>[] = []
  const buffer = new BatchBuffer({
    flush: batch => {
      batches.push(batch)
      const end = Promise.withResolvers<void>()
      ends.push(end)
      return end.promise
    },
    clock,
    ...options,
  })
  /** Returns what the last `add` returned. */
  const add = (count: number, from = 0) => {
    let last: Promise<void> | undefined
    for (let number = from; number < from + count; number++) last = buffer.add(element(`e${number}`))
    return last
  }
  const end = async (number: number) => {
    await settled()
    ends[number]!.resolve()
    await settled()
  }
  return { clock, buffer, batches, ends, add, end }
}

const element = (id: string, value: unknown = 1) => anyElement(id, value) as Element
const change = (id: string, attributes: Record<string, string | null>) => ({ element: id, attributes })

describe('a batch buffer', () => {
  test('80 of 100 elements begin a flush, 79 do not', async () => {
    const { buffer, batches, add } = scene()
    expect(add(79)).toBeUndefined()
    await settled()
    expect(batches).toEqual([])
    expect(buffer.add(element('last'))).toBeUndefined()
    await settled()
    expect(batches.map(batch => batch.elements.length)).toEqual([80])
  })

  test('so do 400 of 500 changes of attributes, and 160 of 200 relations', async () => {
    for (const [most, make] of [
      [400, (number: number) => change(`e${number}`, { a: 'x' })],
      [160, (number: number) => relation(`e${number}`, 'hub')],
    ] as const) {
      const { buffer, batches } = scene()
      for (let number = 1; number < most; number++) void buffer.add(make(number))
      await settled()
      expect(batches.length).toBe(0)
      void buffer.add(make(most))
      await settled()
      expect(batches.length).toBe(1)
    }
  })

  test('a flush for one kind takes all kinds', async () => {
    const { buffer, batches, add } = scene()
    void buffer.add(change('x', { a: 'y' }))
    void buffer.add(relation('x', 'y'))
    add(80)
    await settled()
    expect(batches).toMatchObject([{ attributes: [{ element: 'x' }], relations: [{ from: 'x', to: 'y' }] }])
    expect(buffer.stats()).toMatchObject({ buffered: 0, flushed: { elements: 80, attributes: 1, relations: 1 } })
  })

  test('a record waits no longer than it may', async () => {
    const { clock, batches, add } = scene({ flushSeconds: 2 })
    add(1)
    await clock.advance(1900)
    add(1, 1)
    expect(batches).toEqual([])
    await clock.advance(100)
    expect(batches.map(batch => batch.elements.length)).toEqual([2])
  })

  test('what has got too old during a flush follows at once', async () => {
    const { clock, batches, add, end } = scene({ flushSeconds: 2 })
    add(80)
    add(1, 100)
    await clock.advance(5000)
    expect(batches.length).toBe(1)
    await end(0)
    expect(batches.length).toBe(2)
  })

  test('while one flush is under way no other begins, and there is room for what is left of a full batch', async () => {
    const { buffer, batches, add, end } = scene()
    add(80)
    expect(add(99, 100)).toBeUndefined()
    await settled()
    expect(batches.length).toBe(1)
    const waits = add(1, 300)
    expect(waits).toBeInstanceOf(Promise)
    let isOver = false
    void waits!.then(() => {
      isOver = true
    })
    await settled()
    expect(isOver).toBe(false)
    await end(0)
    expect(isOver).toBe(true)
    expect(batches.map(batch => batch.elements.length)).toEqual([80, 100])
    expect(buffer.stats().waits).toBe(1)
  })

  test('bytes begin a flush and make wait, however few the records are', async () => {
    const { buffer, batches, end } = scene({ maxBufferedMegabytes: 1 })
    const large = (id: string) => element(id, 'x'.repeat(300_000))
    expect([buffer.add(large('a')), buffer.add(large('b'))]).toEqual([undefined, undefined])
    expect(buffer.add(large('c'))).toBeUndefined()
    const waits = buffer.add(large('d'))
    expect(waits).toBeInstanceOf(Promise)
    await settled()
    expect(batches.map(batch => batch.elements.length)).toEqual([2])
    await end(0)
    await waits
    expect(buffer.stats().flushesFor).toEqual({ full: 0, bytes: 2, age: 0, asked: 0 })
  })

  test('a caller who waits never holds more than the bound and one record', async () => {
    let isWriting = false
    const { buffer } = scene({
      maxBufferedMegabytes: 0.1,
      flush: async () => {
        expect(isWriting).toBe(false)
        isWriting = true
        await settled()
        isWriting = false
      },
    })
    let most = 0
    for (let number = 0; number < 300; number++) {
      await buffer.add(element(`e${number}`, 'x'.repeat(5000)))
      most = Math.max(most, buffer.stats().bytes)
    }
    await buffer.close()
    expect(most).toBeLessThan(0.1 * 1024 * 1024 + 6000)
    expect(buffer.stats()).toMatchObject({ flushed: { elements: 300 }, buffered: 0, bytes: 0 })
  })

  test('at the end everything is flushed, what comes later is refused, and no timer is left', async () => {
    const { clock, buffer, batches, add, end } = scene()
    add(3)
    const closed = buffer.close()
    expect(buffer.close()).toBe(closed)
    await expect(buffer.add(element('late'))).rejects.toMatchObject({ code: 'closed' })
    await settled()
    expect(batches.map(batch => batch.elements.length)).toEqual([3])
    await end(0)
    await closed
    expect(clock.pending).toBe(0)
    expect(buffer.stats().flushesFor.asked).toBe(1)
  })

  test('flush() waits for what is being written already', async () => {
    const { buffer, add, end } = scene()
    add(80)
    let isOver = false
    const flushed = buffer.flush().then(() => {
      isOver = true
    })
    await settled()
    expect(isOver).toBe(false)
    await end(0)
    await flushed
    expect(buffer.stats().flushes).toBe(1)
  })

  test('what was replaced in the buffer takes no room', async () => {
    const { buffer, batches } = scene({ maxBufferedMegabytes: 1 })
    for (let number = 0; number < 100; number++)
      expect(buffer.add(element('a', `${number}${'x'.repeat(100_000)}`))).toBeUndefined()
    await settled()
    expect(batches).toEqual([])
    expect(buffer.stats().bytes).toBeLessThan(110_000)
    expect(buffer.stats()).toMatchObject({ added: 100, buffered: 1 })
  })

  test('flush() waits for what was added before, and not for what comes meanwhile', async () => {
    const { buffer, add, end } = scene()
    add(80)
    add(5, 100)
    const flushed = buffer.flush()
    await end(0)
    add(80, 200)
    await end(1)
    await flushed
    expect(buffer.stats().flushes).toBe(3)
  })

  test('a failure reaches those who wait, those who add and those who close; nothing of it is lost', async () => {
    const { clock, buffer, batches, ends, add } = scene()
    add(80)
    const waits = add(100, 100)!
    const failure = new Error('disk full')
    await settled()
    ends[0]!.reject(failure)
    await expect(waits).rejects.toBe(failure)
    await expect(buffer.add(element('more'))).rejects.toBe(failure)
    await expect(buffer.flush()).rejects.toBe(failure)
    await expect(buffer.close()).rejects.toBe(failure)
    expect(clock.pending).toBe(0)
    await clock.advance(10_000)
    expect(batches.length).toBe(1)
    expect(buffer.unflushed().elements.length).toBe(180)
    expect(buffer.stats()).toMatchObject({ failures: 1, flushes: 1 })
  })

  test('a flush that throws instead of rejecting is a failure as well', async () => {
    const { buffer } = scene({
      flush: () => {
        throw new Error('at once')
      },
    })
    void buffer.add(element('a'))
    await expect(buffer.close()).rejects.toThrow('at once')
  })

  test('a batch, applied kind by kind, does what its records did one after the other', async () => {
    const ids = fc.constantFrom('a', 'b', 'c')
    const value = fc.constantFrom('1', '2', '3')
    const record: fc.Arbitrary<SyncRecord> = fc.oneof(
      fc.tuple(ids, value).map(([id, given]) => element(id, given)),
      fc
        .tuple(ids, fc.constantFrom('value', 'more'), fc.option(value, { nil: null }))
        .map(([id, name, given]) => change(id, { [name]: given })),
      fc.tuple(ids, ids, fc.boolean()).map(([from, to, deleted]) => ({ ...relation(from, to), deleted })),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 40, size: 'max' }),
        fc.integer({ min: 1, max: 12 }),
        async (records, size) => {
          const batched = new Graph()
          const buffer = new BatchBuffer({
            flush: ({ elements, attributes, relations }) => {
              for (const one of [...elements, ...attributes, ...relations]) batched.apply(one)
            },
            elements: size,
            attributes: size,
            relations: size,
          })
          for (const one of records) await buffer.add(one)
          await buffer.close()
          const single = new Graph()
          for (const one of records) single.apply(one)
          expect(batched.toString()).toBe(single.toString())
        },
      ),
    )
  })

  test('it says how large, how old and how slow its batches were', async () => {
    const { clock, buffer, add, end } = scene()
    add(40)
    await clock.advance(500)
    add(40, 40)
    await clock.advance(250)
    await end(0)
    add(10, 100)
    const closed = buffer.close()
    await end(1)
    await closed
    expect(buffer.stats()).toMatchObject({ added: 90, flushes: 2, sizes: { mean: 45, max: 80 } })
    expect(buffer.stats()).toMatchObject({ delayMs: { mean: 250, max: 500 }, flushMs: { mean: 125, max: 250 } })
  })

  test('options that make no sense are named', () => {
    const flush = () => {}
    for (const options of [{ elements: 0 }, { relations: 1.5 }, { flushAt: 1.1 }, { flushSeconds: -1 }])
      expect(() => new BatchBuffer({ flush, ...options })).toThrow(
        expect.objectContaining({
          code: 'invalid_configuration',
          message: expect.stringContaining(Object.keys(options)[0]!),
        }),
      )
  })
})

/** What records make, one after the other. */
class Graph {
  readonly #elements = new Map<string, object>()
  readonly #relations = new Set<string>()

  apply(record: SyncRecord): void {
    if (isRelation(record)) {
      const key = `${record.from} ${record.to}`
      if (record.deleted) this.#relations.delete(key)
      else this.#relations.add(key)
    } else if (isAttributeChange(record)) {
      const former = this.#elements.get(record.element)
      if (former) this.#elements.set(record.element, mergeAttributes({ ...former }, record.attributes))
    } else this.#elements.set(record.id, record.attributes)
  }

  toString(): string {
    const elements = [...this.#elements].map(
      ([id, attributes]) => `${id} ${JSON.stringify(Object.entries(attributes).sort())}`,
    )
    return JSON.stringify([elements.sort(), [...this.#relations].sort()])
  }
}
