import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { createSystemClock, DeadlineHeap, sleep, unreadTick } from 'hotwell/core'
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

test('the machine’s monotonic clock does not go back', async () => {
  const clock = createSystemClock()
  const before = clock.monotonic()
  await sleepUntilTold(clock)
  expect(clock.monotonic()).toBeGreaterThan(before)
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(60_000)
  expect(clock.bootId).not.toBe('')
})

test('the first look in each turn of the event loop reads the clock, all others see the same tick', async () => {
  const clock = createSystemClock()
  const looks: number[] = []
  clock.onLook(() => looks.push(clock.coarseTick))
  expect(clock.coarseTick).toBe(unreadTick)
  const first = clock.look()
  expect(clock.tickOf(clock.monotonic()) - first).toBeLessThanOrEqual(1)
  blockFor(120)
  expect(clock.look()).toBe(first)
  await new Promise(resolve => setImmediate(resolve))
  expect(clock.coarseTick).toBe(unreadTick)
  expect(clock.look()).toBeGreaterThan(first)
  expect(looks).toEqual([first, clock.coarseTick])
})

test('what was read before the process waited for input is not there any more when input comes', async () => {
  const clock = createSystemClock()
  const input = createServer(socket => socket.end('go')).listen(0, '127.0.0.1')
  await once(input, 'listening')
  setTimeout(() => clock.look(), 1)
  const socket = connect((input.address() as AddressInfo).port, '127.0.0.1')
  await new Promise(resolve => setTimeout(resolve, 5))
  const ticks: number[] = []
  socket.on('data', () => ticks.push(clock.coarseTick))
  await once(socket, 'close')
  expect(ticks).toEqual([unreadTick])
  input.close()
})

function blockFor(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

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
