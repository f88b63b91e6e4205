import { expect, test } from 'vitest'
import { account, enter, scene } from './scene.ts'

const preheat = { priority: 'preheat' } as const
const one = { maxConcurrentPerProvider: 1 }

test('first come, first served', async () => {
  const { ask, entered, settle, release } = scene(one)
  const names = Array.from({ length: 20 }, (_, i) => `${i}`)
  for (const name of names) ask(name)
  await settle()
  for (const name of names) await release(name)
  expect(entered).toEqual(names)
})

test('first come, first served among those who could run, over all sites', async () => {
  const { ask, entered, settle, release } = scene({ maxConcurrentAcquisitions: 2 })
  ask('zhang', account('zhang'))
  ask('holder', account('x', 'x'))
  ask('zhang 2', account('zhang'))
  ask('bank', account('a', 'bank'))
  ask('li', account('li'))
  await settle()
  await release('holder')
  expect(entered.slice(2)).toEqual(['bank'])
  await release('bank')
  expect(entered.slice(3)).toEqual(['li'])
  await release('zhang')
  expect(entered.slice(4)).toEqual(['zhang 2'])
})

test('somebody who waits passes preheats, also those of other providers', async () => {
  const { ask, entered, settle, release } = scene({ maxConcurrentOther: 1 })
  ask('first')
  ask('preheat 1', preheat)
  ask('preheat 2', { ...preheat, provider: 'crm' })
  ask('somebody', { provider: 'wecom' })
  await settle()
  for (const name of ['first', 'somebody', 'preheat 1', 'preheat 2']) await release(name)
  expect(entered).toEqual(['first', 'somebody', 'preheat 1', 'preheat 2'])
})

test('a preheat is passed for half of the longest wait, no longer', async () => {
  const { ask, entered, clock, release, gate } = scene(one)
  let last = 'first'
  ask('first')
  ask('preheat', preheat)
  for (let second = 0; second < 29; second++) {
    ask(`${second}`)
    await clock.advance(1000)
    await release(last)
    last = entered.at(-1)!
  }
  expect(entered).not.toContain('preheat')
  ask('late')
  ask('later')
  await clock.advance(1000)
  await release(last)
  expect(entered.at(-1)).toBe('preheat')
  await release('preheat')
  expect(entered.at(-1)).toBe('late')
  expect(gate.usage()).toMatchObject({ running: 1, waiting: 1, longestWaitMs: 30_000 })
})

test('whoever gives up leaves the queue, and those behind move up', async () => {
  const { ask, entered, settle, release, failures, gate } = scene(one)
  const reason = new Error('no more patience')
  const caller = new AbortController()
  ask('first')
  ask('impatient', { signal: caller.signal })
  ask('next')
  await settle()
  caller.abort(reason)
  await settle()
  expect(failures.get('impatient')).toBe(reason)
  expect(gate.usage().waiting).toBe(1)
  await release('first')
  expect(entered).toEqual(['first', 'next'])
})

test('an abort ends the wait, not the slot', async () => {
  const { gate, clock, ask, slots, release } = scene(one)
  const caller = new AbortController()
  ask('first', { signal: caller.signal })
  ask('second', { signal: caller.signal })
  await clock.advance(0)
  await release('first')
  caller.abort()
  await clock.advance(1000)
  expect(slots.get('second')!.signal.aborted).toBe(false)
  expect(gate.usage()).toMatchObject({ running: 1, waiting: 0 })
  await expect(enter(gate, { signal: caller.signal })).rejects.toBe(caller.signal.reason)
})

test('closing refuses who waits and who comes; who runs may finish', async () => {
  const { gate, ask, settle, failures, slots } = scene(one)
  for (const name of ['runs', 'waits', 'waits too']) ask(name)
  ask('login', account('zhang'))
  ask('login waits', account('zhang'))
  await settle()
  gate.close()
  gate.close()
  ask('comes')
  await settle()
  expect([...failures.keys()].sort()).toEqual(['comes', 'login waits', 'waits', 'waits too'])
  for (const error of failures.values()) expect(error).toMatchObject({ code: 'closed' })
  expect(gate.usage()).toMatchObject({ running: 2, waiting: 0 })
  slots.get('runs')!.release()
  slots.get('login')!.release()
  expect(gate.usage().running).toBe(0)
})
