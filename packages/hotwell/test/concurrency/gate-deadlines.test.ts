import { isHotwellError } from 'hotwell/core'
import { expect, test } from 'vitest'
import { account, enter, scene } from './scene.ts'

test('no wait is longer than sixty seconds, and its end names the tier, the limit and who holds it', async () => {
  const { clock, ask, failures, settle } = scene({ maxConcurrentPerProvider: 4 })
  for (const name of ['a/b', 'b', 'c', 'd', 'late']) ask(name)
  await settle()
  await clock.advance(59_999)
  expect(failures.size).toBe(0)
  await clock.advance(1)
  const error = failures.get('late')
  if (!isHotwellError(error, 'queue_timeout')) throw error
  expect(error.message).toBe(
    'feishu/tenant/late waited 60 s for its turn: at most 4 acquisitions of this provider run at once ' +
      '(gate.maxConcurrentPerProvider), held by feishu/tenant/a%2Fb (slot 1, 60 s), feishu/tenant/b (slot 2, 60 s), ' +
      'feishu/tenant/c (slot 3, 60 s) and 1 more.',
  )
  expect(error.details).toMatchObject({
    tier: 'provider',
    option: 'maxConcurrentPerProvider',
    limit: 4,
    waitedMs: 60_000,
  })
  expect(error.retryAfterMs).toBe(60_000)
  expect(error.retryable).toBe(true)
})

test.each([
  ['global', 'maxConcurrentOther', { maxConcurrentOther: 1 }, {}, { provider: 'crm' }],
  ['global', 'maxConcurrentAcquisitions', { maxConcurrentAcquisitions: 1 }, account('a'), account('b', 'bank')],
  ['site', 'maxConcurrentPerSite', { maxConcurrentPerSite: 1 }, account('a'), account('b')],
])('a wait for the tier %s names %s', async (tier, option, limits, first, second) => {
  const { clock, ask, failures } = scene(limits)
  ask('first', first)
  ask('second', second)
  await clock.advance(60_000)
  expect(failures.get('second')).toMatchObject({ code: 'queue_timeout', details: { tier, option, limit: 1 } })
})

test('the wait for an account’s own slot ends after thirty seconds', async () => {
  const { clock, ask, failures } = scene()
  ask('zhang', account('zhang'))
  ask('zhang again', account('zhang'))
  await clock.advance(29_990)
  expect(failures.size).toBe(0)
  await clock.advance(10)
  const details = { tier: 'account', option: 'maxConcurrentPerAccount', limit: 1, holders: ['court/account/zhang'] }
  expect(failures.get('zhang again')).toMatchObject({ code: 'queue_timeout', details })
})

test('thirty seconds count in which the account is taken, not those in which the site is', async () => {
  const { clock, ask, failures, release, settle, entered } = scene({ maxConcurrentPerSite: 1 })
  ask('li', account('li'))
  ask('zhang 1', account('zhang'))
  ask('zhang 2', account('zhang'))
  await clock.advance(25_000)
  await release('li')
  expect(entered).toEqual(['li', 'zhang 1'])
  await clock.advance(29_000)
  expect(failures.size).toBe(0)
  await clock.advance(1000)
  expect([...failures.keys()]).toEqual(['zhang 2'])
  await settle()
})

test('an account taken in turns by others still counts as taken', async () => {
  const { clock, ask, failures, release, entered } = scene()
  for (let i = 0; i < 5; i++) ask(`${i}`, account('zhang'))
  for (let i = 0; i < 3; i++) {
    await clock.advance(9000)
    await release(entered.at(-1)!)
  }
  await clock.advance(3000)
  expect([...failures.keys()]).toEqual(['4'])
})

test('after three hundred seconds a holder is aborted and its slot is free', async () => {
  const warnings: object[] = []
  const logger = { debug() {}, info() {}, error() {}, warn: (fields: object) => warnings.push(fields) }
  const { clock, ask, slots, entered, gate } = scene({ maxConcurrentPerProvider: 1, logger })
  ask('stuck')
  await clock.advance(250_000)
  const { signal } = slots.get('stuck')!
  ask('next')
  await clock.advance(49_999)
  expect(signal.aborted).toBe(false)
  await clock.advance(1)
  expect(signal.reason).toMatchObject({ code: 'timeout', message: expect.stringContaining('feishu/tenant/stuck') })
  expect(entered).toEqual(['stuck', 'next'])
  expect(gate.usage()).toMatchObject({ running: 1, reclaimed: 1 })
  expect(warnings).toEqual([{ acquisition: 'feishu/tenant/stuck', slot: 1, heldMs: 300_000 }])
  slots.get('stuck')!.release()
  expect(gate.usage().running).toBe(1)
})

test('a signal that is first looked at after the deadline is aborted already', async () => {
  const { clock, ask, slots } = scene()
  ask('slow')
  await clock.advance(300_000)
  expect(slots.get('slow')!.signal.reason).toMatchObject({ code: 'timeout' })
})

test('at its deadline a login frees its site at once, its account only when it has really ended', async () => {
  const { clock, ask, slots, entered, release, gate } = scene({ maxConcurrentPerSite: 1 })
  ask('zhang', account('zhang'))
  await clock.advance(299_000)
  ask('zhang again', account('zhang'))
  ask('li', account('li'))
  await clock.advance(1000)
  expect(slots.get('zhang')!.signal.aborted).toBe(true)
  expect(entered).toEqual(['zhang', 'li'])
  await release('li')
  expect(entered).toEqual(['zhang', 'li'])
  await release('zhang')
  expect(entered).toEqual(['zhang', 'li', 'zhang again'])
  expect(gate.usage().running).toBe(1)
})

test('a login that never ends gives its account free after a quarantine, and that is told', async () => {
  const told: unknown[] = []
  const { clock, ask, entered, slots, gate } = scene({ onQuarantine: (...which) => told.push(which) })
  ask('zhang', account('zhang'))
  await clock.advance(359_000)
  ask('zhang again', account('zhang'))
  expect(told).toEqual([])
  await clock.advance(1000)
  expect(told).toEqual([['court', 'zhang']])
  expect(entered).toEqual(['zhang', 'zhang again'])
  slots.get('zhang')!.release()
  expect(gate.usage().running).toBe(1)
})

test('a listener of quarantines that throws keeps no account locked', async () => {
  const errors: unknown[] = []
  const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => errors.push(fields) }
  const onQuarantine = () => {
    throw new Error('listener')
  }
  const { clock, ask, entered } = scene({ logger, onQuarantine })
  ask('zhang', account('zhang'))
  await clock.advance(359_000)
  ask('zhang again', account('zhang'))
  await clock.advance(1000)
  expect(entered).toEqual(['zhang', 'zhang again'])
  expect(errors).toHaveLength(1)
})

test('a holder may release from within its abort', async () => {
  const { clock, gate, ask, entered } = scene({ maxConcurrentPerProvider: 1 })
  const slot = await enter(gate)
  slot.signal.addEventListener('abort', () => slot.release())
  await clock.advance(299_000)
  ask('next')
  ask('after')
  await clock.advance(1000)
  expect(entered).toEqual(['next'])
  expect(gate.usage()).toMatchObject({ running: 1, waiting: 1 })
})

test('a process that was stopped ends every wait and hold that is over when it goes on', async () => {
  const { clock, ask, failures, slots, settle, gate } = scene({ maxConcurrentPerProvider: 1 })
  ask('holds')
  ask('waits')
  await settle()
  clock.freeze(3_600_000)
  await settle()
  expect(failures.get('waits')).toMatchObject({ code: 'queue_timeout' })
  expect(slots.get('holds')!.signal.aborted).toBe(true)
  expect(gate.usage().running).toBe(0)
})

test('an idle gate has nothing scheduled once its last deadline has passed', async () => {
  const { clock, gate } = scene()
  for (let i = 0; i < 100; i++) (await enter(gate)).release()
  expect(clock.pending).toBeLessThanOrEqual(1)
  await clock.advance(300_000)
  expect(clock.pending).toBe(0)
})

test('whoever has used up the wait for an account, but now waits for something else, is not looked at all the time', async () => {
  const { clock, ask, slots, failures } = scene({ maxConcurrentAcquisitions: 2, lockTimeoutSeconds: 5 })
  let wakeUps = 0
  const schedule = clock.schedule.bind(clock)
  clock.schedule = (callback, delayMs) => {
    return schedule(() => {
      wakeUps++
      callback()
    }, delayMs)
  }
  ask('zhang', account('zhang'))
  ask('holder', account('a', 'a'))
  ask('next', account('b', 'b'))
  ask('zhang again', account('zhang'))
  await clock.advance(4990)
  slots.get('zhang')!.release()
  await clock.advance(40_000)
  expect(failures.size).toBe(0)
  expect(wakeUps).toBeLessThan(100)
  await clock.advance(15_010)
  expect(failures.get('zhang again')).toMatchObject({ details: { tier: 'global', waitedMs: 60_000 } })
})
