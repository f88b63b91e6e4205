import { createSystemClock, DeadlineHeap, sleep } from 'hotwell/core'
import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'

test('a sleep ends at its time, or with the reason of its signal', async () => {
  const clock = new FakeClock()
  const caller = new AbortController()
  const ended: string[] = []
  sleep(clock, 1000, caller.signal).then(() => ended.push('slept'))
  sleep(clock, 2000, caller.signal).catch(error => ended.push(error.message))
  await clock.advance(1000)
  caller.abort(new Error('woken'))
  await clock.advance(0)
  expect(ended).toEqual(['slept', 'woken'])
  expect(clock.pending).toBe(0)
  await expect(sleep(clock, 1, caller.signal)).rejects.toThrow('woken')
})

test('the machine’s monotonic clock does not go back, and its coarse reading follows it', async () => {
  const clock = createSystemClock()
  try {
    const before = clock.monotonic()
    await sleepUntilTold(clock)
    expect(clock.monotonic()).toBeGreaterThan(before)
    expect(clock.coarseMs).toBeLessThanOrEqual(clock.monotonic())
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(60_000)
    expect(clock.bootId).not.toBe('')
  } finally {
    clock.stop()
  }
})

/** A deadline on the real clock: told, and not before its time. */
function sleepUntilTold(clock: ReturnType<typeof createSystemClock>): Promise<void> {
  return new Promise((resolve, reject) => {
    const heap = new DeadlineHeap<string>(clock, reject)
    const dueAt = clock.monotonic() + 5.5
    heap.start(() => {
      expect(clock.monotonic()).toBeGreaterThanOrEqual(dueAt)
      resolve()
    })
    heap.set('due', dueAt)
  })
}
