import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { SignalWatch } from '../../src/concurrency/signal-watch.ts'
import { scene } from './scene.ts'

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

test('a thousand who wait under one signal take one listener of it, and none when they have left', async () => {
  const { gate, clock, ask, release, settle } = scene({ maxConcurrentPerProvider: 1 })
  const { signal } = new AbortController()
  for (let i = 0; i < 1000; i++) ask(`${i}`, { signal })
  await settle()
  expect(gate.usage().waiting).toBe(999)
  expect(listeners(signal)).toBe(1)
  await release('0')
  expect(listeners(signal)).toBe(1)
  await clock.advance(60_000)
  expect(gate.usage().waiting).toBe(0)
  expect(listeners(signal)).toBe(0)
})

test('a signal watched anew after all had left is heard again', () => {
  const told: string[] = []
  const watch = new SignalWatch<string>(member => told.push(member))
  const caller = new AbortController()
  watch.add(caller.signal, 'gone')
  watch.delete(caller.signal, 'gone')
  watch.delete(caller.signal, 'gone')
  watch.add(caller.signal, 'here')
  watch.delete(caller.signal, 'gone')
  caller.abort()
  expect(told).toEqual(['here'])
})

test('an abort is told to all who are left, in the order in which they came, whatever that does to the others', () => {
  const told: string[] = []
  const caller = new AbortController()
  const watch = new SignalWatch<string>(member => {
    told.push(member)
    watch.delete(caller.signal, member)
  })
  for (const name of ['a', 'b', 'c', 'd']) watch.add(caller.signal, name)
  watch.add(undefined, 'without a signal')
  watch.delete(undefined, 'without a signal')
  watch.delete(caller.signal, 'b')
  watch.delete(caller.signal, 'never added')
  caller.abort()
  expect(told).toEqual(['a', 'c', 'd'])
  expect(listeners(caller.signal)).toBe(0)
})
