import { expect, test } from 'vitest'
import { account, enter, scene } from './scene.ts'

test('a quota lets exactly so many in, whatever the number of waiters', async () => {
  const { clock, gate } = scene({ maxConcurrentPerProvider: 1000, maxConcurrentOther: 1000 })
  const quota = { perSecond: 50, burst: 10 }
  const instants: number[] = []
  for (let i = 0; i < 1000; i++) {
    enter(gate, { quota }).then(slot => {
      instants.push(clock.monotonic())
      slot.release()
    })
  }
  await clock.advance(19_801)
  expect(instants).toHaveLength(1000)
  for (let first = 0; first < instants.length; first += 7) {
    for (let last = first; last < instants.length; last++) {
      const seconds = (instants[last]! - instants[first]!) / 1000
      expect(last - first + 1 <= 50 * seconds + 10).toBe(true)
    }
  }
})

test('waiting for the quota takes no slot from other providers', async () => {
  const { clock, ask, entered } = scene({ maxConcurrentOther: 2 })
  const quota = { perSecond: 1, burst: 1 }
  for (const name of ['slow 1', 'slow 2', 'slow 3']) ask(name, { quota })
  ask('other', { provider: 'crm' })
  await clock.advance(0)
  expect(entered).toEqual(['slow 1', 'other'])
})

test('logins and other kinds of one provider share its quota in the order in which they came', async () => {
  const { clock, ask, entered } = scene({ maxConcurrentAcquisitions: 100, maxConcurrentPerSite: 100 })
  const quota = { perSecond: 1, burst: 1 }
  const names = Array.from({ length: 10 }, (_, i) => `${i}`)
  for (const name of names) {
    ask(name, { ...(Number(name) % 2 ? account(name) : { provider: 'court' }), quota })
  }
  await clock.advance(9100)
  expect(entered).toEqual(names)
})

test('after a 429 nobody enters until its Retry-After is over', async () => {
  const { clock, gate, ask, entered } = scene()
  gate.penalize('feishu', 10_000)
  ask('waits')
  ask('other', { provider: 'crm' })
  await clock.advance(9_999)
  expect(entered).toEqual(['other'])
  const { perSecond, ...held } = gate.usage().providers.feishu!
  expect(held).toEqual({ running: 0, waiting: 1, heldUntil: clock.monotonic() + 1 })
  await clock.advance(1)
  expect(entered).toEqual(['other', 'waits'])
  expect(gate.usage().providers.feishu).toEqual({ running: 1, waiting: 0, perSecond })
})

test('the rate of a provider is seen: none, the documented one, or the one that its 429s have taught', async () => {
  const { gate, ask, settle } = scene()
  ask('unlimited', { provider: 'free' })
  ask('documented', { provider: 'crm', quota: { perSecond: 50 } })
  ask('taught', { provider: 'feishu' })
  gate.penalize('feishu')
  await settle()
  const { free, crm, feishu } = gate.usage().providers
  expect([free?.perSecond, crm?.perSecond]).toEqual([undefined, 50])
  expect(feishu?.perSecond).toBeGreaterThan(0)
})

test('a second 429 lengthens the hold of those who wait already', async () => {
  const { clock, gate, ask, entered } = scene()
  gate.penalize('feishu', 5000)
  ask('waits')
  await clock.advance(1000)
  gate.penalize('feishu', 20_000)
  await clock.advance(19_000)
  expect(entered).toEqual([])
  await clock.advance(1000)
  expect(entered).toEqual(['waits'])
})

test('a wait that ends because of the quota says so, and when the next one may pass', async () => {
  const { clock, gate, ask, failures } = scene({ maxConcurrentPerProvider: 1000, maxConcurrentOther: 1000 })
  const quota = { perSecond: 0.01, burst: 1 }
  ask('first', { quota })
  ask('second', { quota })
  gate.penalize('crm', 100_000)
  ask('held', { provider: 'crm' })
  await clock.advance(60_000)
  expect(failures.get('second')).toMatchObject({
    code: 'queue_timeout',
    message: expect.stringContaining('the quota of "feishu" lets 0.01 a second pass, the next one in 40 s.'),
    details: { tier: 'quota', limit: 0.01 },
  })
  expect(failures.get('held')).toMatchObject({
    message: expect.stringContaining('"crm" asked to wait, the next one in 40 s.'),
    retryAfterMs: 40_000,
  })
})

test('a raised quota helps those who wait already', async () => {
  const { clock, ask, entered } = scene()
  for (let i = 0; i < 5; i++) ask(`${i}`, { quota: { perSecond: 0.1, burst: 1 } })
  await clock.advance(1000)
  expect(entered).toHaveLength(1)
  ask('new', { quota: { perSecond: 100, burst: 1 } })
  await clock.advance(100)
  expect(entered).toHaveLength(6)
})

test('a quota that lets nothing in is refused', async () => {
  const { gate } = scene()
  await expect(enter(gate, { quota: { perSecond: 0 } })).rejects.toMatchObject({ code: 'invalid_configuration' })
})

test('a newcomer does not slip in before those whom a late timer has not let in yet', async () => {
  const { clock, ask, entered, settle } = scene()
  const quota = { perSecond: 1, burst: 1 }
  ask('first', { quota })
  ask('waits', { quota })
  await settle()
  clock.freeze(1500)
  ask('newcomer', { quota })
  await settle()
  expect(entered).toEqual(['first', 'waits'])
})
