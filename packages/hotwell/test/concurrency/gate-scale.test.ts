import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createGate, type GateSlot } from 'hotwell/concurrency'
import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { account, enter } from './scene.ts'

const many = 100_000
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test.each([
  ['tenants of one provider', (i: number) => ({ subject: `tenant ${i}` })],
  ['accounts of one site', (i: number) => account(`account ${i}`)],
])('a hundred thousand waiters, %s, take under 1 kB each and all get their turn', async (_, request) => {
  const gate = createGate({ clock: new FakeClock() })
  const requests = Array.from({ length: many }, (_, i) => request(i))
  const order: number[] = []
  const held: GateSlot[] = []
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  const waits: Promise<GateSlot>[] = requests.map(one => enter(gate, one))
  collectGarbage()
  expect((process.memoryUsage().heapUsed - before) / many).toBeLessThan(1024)
  for (const wait of waits) {
    held.push(await wait)
    order.push(held.at(-1)!.number)
    held.shift()!.release()
  }
  expect(order.every((number, index) => number === index + 1)).toBe(true)
  expect(gate.usage()).toMatchObject({ running: 0, waiting: 0 })
})

test('a hundred thousand waiters who give up or run out of time leave nothing behind', async () => {
  const clock = new FakeClock()
  const gate = createGate({ clock, maxConcurrentPerProvider: 1 })
  const slot = await enter(gate)
  const caller = new AbortController()
  let ended = 0
  for (let i = 0; i < 1000; i++) enter(gate, { signal: caller.signal }).catch(() => ended++)
  for (let i = 0; i < (process.env.HOTWELL_TEST_SCALE === 'long' ? many : 10_000); i++) enter(gate).catch(() => ended++)
  const all = gate.usage().waiting
  caller.abort()
  await clock.advance(60_000)
  expect(ended).toBe(all)
  expect(gate.usage()).toMatchObject({ running: 1, waiting: 0 })
  slot.release()
})

test('accounts that come and go leave no memory behind', async () => {
  const gate = createGate({ clock: new FakeClock() })
  const visit = async (count: number) => {
    for (let i = 0; i < count; i++) (await enter(gate, account(`account ${i}`))).release()
  }
  await visit(1000)
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  await visit(20_000)
  collectGarbage()
  expect((process.memoryUsage().heapUsed - before) / 20_000).toBeLessThan(50)
})
