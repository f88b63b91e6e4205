import fc from 'fast-check'
import { DeadlineHeap } from 'hotwell/core'
import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'

function started(options: { onDue?: (item: string) => void } = {}) {
  const clock = new FakeClock({ monotonicMs: 0 })
  const errors: unknown[] = []
  const heap = new DeadlineHeap<string>(clock, error => errors.push(error))
  const told: string[] = []
  heap.start((item, dueAt) => {
    told.push(`${item}@${dueAt}`)
    options.onDue?.(item)
  })
  return { clock, heap, told, errors }
}

test('items are told in the order of their deadlines, whatever the order they were set in', async () => {
  const { clock, heap, told } = started()
  heap.set('c', 30)
  heap.set('a', 10)
  heap.set('b', 20)
  await clock.advance(20)
  expect(told).toEqual(['a@10', 'b@20'])
  await clock.advance(10)
  expect(told).toEqual(['a@10', 'b@20', 'c@30'])
  expect(heap.size).toBe(0)
})

test('a thousand deadlines take one timer', () => {
  const { clock, heap } = started()
  for (let i = 0; i < 1000; i++) heap.set(`item ${i}`, 5000 - i)
  expect(clock.pending).toBe(1)
})

test('an item set again moves, a deleted one is not told', async () => {
  const { clock, heap, told } = started()
  heap.set('later', 10)
  heap.set('earlier', 50)
  heap.set('deleted', 30)
  heap.set('later', 60)
  heap.set('earlier', 5)
  expect(heap.dueAt('later')).toBe(60)
  expect([heap.delete('deleted'), heap.delete('deleted'), heap.size]).toEqual([true, false, 2])
  await clock.advance(100)
  expect(told).toEqual(['earlier@5', 'later@60'])
})

test('nothing is told from within set, even if it is overdue', async () => {
  const { clock, heap, told } = started()
  heap.set('overdue', -5)
  expect(told).toEqual([])
  await clock.advance(0)
  expect(told).toEqual(['overdue@-5'])
})

test('a process that was stopped tells everything that fell due, in order', async () => {
  const { clock, heap, told } = started()
  for (let i = 999; i >= 0; i--) heap.set(`${i}`, 1000 + i)
  clock.freeze(3_600_000)
  await clock.advance(0)
  expect(told).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}@${1000 + i}`))
})

test('a deadline more than 2³¹ ms away waits in steps and is not told early', async () => {
  const delays: number[] = []
  const clock = new (class extends FakeClock {
    override schedule(callback: () => void, delayMs: number) {
      delays.push(delayMs)
      return super.schedule(callback, delayMs)
    }
  })({ monotonicMs: 0 })
  const heap = new DeadlineHeap<string>(clock)
  const told: number[] = []
  heap.start(() => told.push(clock.monotonic()))
  const dueAt = 2 ** 31 * 2.5
  heap.set('far', dueAt)
  heap.set('never', Number.POSITIVE_INFINITY)
  await clock.advance(dueAt - 1)
  expect(told).toEqual([])
  await clock.advance(1)
  expect(told).toEqual([dueAt])
  expect(Math.max(...delays)).toBeLessThan(2 ** 31)
})

test('a listener that throws stops nobody, and what it threw is handed on', async () => {
  const boom = new Error('boom')
  const { clock, heap, told, errors } = started({
    onDue: item => {
      if (item === 'bad') throw boom
    },
  })
  heap.set('bad', 1)
  heap.set('good', 2)
  await clock.advance(2)
  expect(told).toEqual(['bad@1', 'good@2'])
  expect(errors).toEqual([boom])
})

test('an item may be set again from within its listener', async () => {
  const { clock, heap, told } = started({
    onDue: item => {
      if (clock.monotonic() < 30) heap.set(item, clock.monotonic() + 10)
    },
  })
  heap.set('tick', 10)
  await clock.advance(100)
  expect(told).toEqual(['tick@10', 'tick@20', 'tick@30'])
})

test('stopped, it tells nothing and holds no timer; started again, it tells what was missed', async () => {
  const { clock, heap, told } = started()
  heap.set('a', 10)
  heap.stop()
  expect(clock.pending).toBe(0)
  await clock.advance(50)
  expect(told).toEqual([])
  const again: string[] = []
  heap.start(item => again.push(item))
  await clock.advance(0)
  expect(again).toEqual(['a'])
})

test('stopped by its own listener, it keeps what was not told yet', async () => {
  const { clock, heap, told } = started({ onDue: () => heap.stop() })
  heap.set('a', 1)
  heap.set('b', 1)
  await clock.advance(5)
  expect(told).toEqual(['a@1'])
  expect(heap.peek()?.item).toBe('b')
  expect(clock.pending).toBe(0)
})

test('a deadline that is no number is refused', () => {
  expect(() => started().heap.set('x', Number.NaN)).toThrow(RangeError)
})

test('random sets and deletes are told as a sorted list would tell them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ item: fc.nat(20), dueAt: fc.nat(1000), drop: fc.boolean() }), { maxLength: 100 }),
      async steps => {
        const { clock, heap, told } = started()
        const expected = new Map<string, number>()
        for (const { item, dueAt, drop } of steps) {
          expected.delete(`${item}`)
          if (drop) heap.delete(`${item}`)
          else {
            heap.set(`${item}`, dueAt)
            expected.set(`${item}`, dueAt)
          }
        }
        await clock.advance(1000)
        expect(told).toEqual([...expected].sort((a, b) => a[1] - b[1]).map(([item, dueAt]) => `${item}@${dueAt}`))
      },
    ),
    { numRuns: 30 },
  )
})

test('a hundred thousand items are set, moved and told', async () => {
  const clock = new FakeClock({ monotonicMs: 0 })
  const heap = new DeadlineHeap<number>(clock)
  let last = 0
  let told = 0
  heap.start((_, dueAt) => {
    expect(dueAt >= last).toBe(true)
    last = dueAt
    told++
  })
  for (let i = 0; i < 100_000; i++) heap.set(i, (i * 7919) % 1000)
  for (let i = 0; i < 100_000; i++) heap.set(i, (i * 104_729) % 1000)
  await clock.advance(1000)
  expect(told).toBe(100_000)
})
