import { expect, test } from 'vitest'
import { RecordQueue } from '../../src/history/record-queue.ts'

test('what was put back comes out again first, in the order it came', () => {
  const queue = new RecordQueue<number>()
  for (let i = 1; i <= 10; i++) queue.push(i)
  const batch = queue.take(4)
  queue.push(11)
  queue.putBack(batch)
  expect(queue.first).toBe(1)
  expect(queue.take(100)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  expect(queue.first).toBeUndefined()
})

test('order and number hold over any mixture of pushing, taking and putting back', () => {
  const queue = new RecordQueue<number>()
  let pushed = 0
  let expected = 0
  let seed = 7
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below
  for (let step = 0; step < 2000; step++) {
    for (let i = random(40); i > 0; i--) queue.push(pushed++)
    const batch = queue.take(random(50))
    expect(batch).toEqual(batch.map((_, i) => expected + i))
    if (random(3) === 0) queue.putBack(batch)
    else expected += batch.length
    expect(queue.length).toBe(pushed - expected)
  }
  expect(pushed).toBeGreaterThan(20_000)
})
