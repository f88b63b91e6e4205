import { createGate } from 'hotwell/concurrency'
import { expect, test } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import type { AcquisitionGate } from '../../src/tokens/acquisition-gate.ts'
import { account, enter, scene } from './scene.ts'

test('the gate is what token managers ask for', () => {
  const port: AcquisitionGate = createGate({ clock: new FakeClock() })
  expect(port.usage()).toMatchObject({ running: 0, waiting: 0, providers: {}, holders: [], entered: 0, reclaimed: 0 })
})

test('logins: three at once, two on a site, one with an account', async () => {
  const { ask, entered, settle, release } = scene()
  ask('zhang', account('zhang'))
  ask('zhang again', account('zhang'))
  ask('li', account('li'))
  ask('wang', account('wang'))
  ask('elsewhere', account('zhang', 'bank'))
  ask('nowhere', account('zhang', 'mail'))
  await settle()
  expect(entered).toEqual(['zhang', 'li', 'elsewhere'])
  await release('li')
  expect(entered.slice(3)).toEqual(['wang'])
  await release('zhang')
  expect(entered.slice(4)).toEqual(['zhang again'])
  await release('elsewhere')
  expect(entered.slice(5)).toEqual(['nowhere'])
})

test('other kinds: thirty-two at once, sixteen at a provider, apart from logins', async () => {
  const { ask, entered, settle, gate } = scene()
  for (const provider of ['feishu', 'crm', 'wecom']) for (let i = 0; i < 20; i++) ask(provider, { provider })
  for (let i = 0; i < 5; i++) ask('login', account(`${i}`, `site${i}`))
  await settle()
  const count = (name: string) => entered.filter(one => one === name).length
  expect([count('feishu'), count('crm'), count('wecom'), count('login')]).toEqual([16, 16, 0, 3])
  expect(gate.usage()).toMatchObject({ running: 35, waiting: 30, providers: { feishu: { running: 16, waiting: 4 } } })
})

test('a tier is not taken by who waits for another one', async () => {
  const { ask, entered, settle } = scene({ maxConcurrentAcquisitions: 2 })
  ask('zhang', account('zhang'))
  for (let i = 0; i < 10; i++) ask(`zhang ${i}`, account('zhang'))
  ask('li', account('li'))
  await settle()
  expect(entered).toEqual(['zhang', 'li'])
})

test('tenants that need an app token first do not block each other when they fetch it before they enter', async () => {
  const { gate } = scene({ maxConcurrentPerProvider: 2 })
  const acquire = async (kind: string) => {
    const slot = await enter(gate, { kind })
    await Promise.resolve()
    slot.release()
  }
  const tenant = async () => {
    await acquire('app')
    await acquire('tenant')
  }
  await Promise.all([tenant(), tenant(), tenant()])
  expect(gate.usage()).toMatchObject({ running: 0, waiting: 0 })
})

test('the control: whoever holds a slot while waiting for another one waits until the deadline', async () => {
  const { gate, clock } = scene({ maxConcurrentPerProvider: 2 })
  const tenant = async () => {
    const slot = await enter(gate, { kind: 'tenant' })
    try {
      const app = await enter(gate, { kind: 'app' })
      app.release()
    } finally {
      slot.release()
    }
  }
  const all = Promise.allSettled([tenant(), tenant()])
  await clock.advance(59_999)
  expect(gate.usage()).toMatchObject({ running: 2, waiting: 2 })
  await clock.advance(1)
  for (const outcome of await all) expect(outcome).toMatchObject({ reason: { code: 'queue_timeout' } })
})

test('releasing twice frees one slot only', async () => {
  const { ask, entered, settle, slots, release, gate } = scene({ maxConcurrentPerProvider: 1 })
  for (const name of ['a', 'b', 'c']) ask(name)
  await settle()
  await release('a', 'a')
  expect(entered).toEqual(['a', 'b'])
  await release('a')
  expect(entered).toEqual(['a', 'b'])
  expect(gate.usage().running).toBe(1)
  expect(slots.get('b')!.number).toBeGreaterThan(slots.get('a')!.number)
})
