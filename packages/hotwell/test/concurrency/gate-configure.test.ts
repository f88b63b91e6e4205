import { expect, test } from 'vitest'
import { account, scene } from './scene.ts'

test('lower limits drain, higher ones let in at once', async () => {
  const { gate, ask, entered, settle, release } = scene()
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) ask(name)
  await settle()
  gate.configure({ maxConcurrentPerProvider: 2 })
  for (const name of ['g', 'h', 'i', 'j']) ask(name)
  await release('a', 'b', 'c', 'd')
  expect(entered).toHaveLength(6)
  await release('e')
  expect(entered.slice(6)).toEqual(['g'])
  gate.configure({ maxConcurrentPerProvider: 3 })
  await settle()
  expect(entered.slice(6)).toEqual(['g', 'h'])
  gate.configure({ maxConcurrentOther: 4, maxConcurrentPerProvider: 16 })
  await settle()
  expect(entered.slice(6)).toEqual(['g', 'h', 'i'])
})

test('every raised limit lets in at once, in order', async () => {
  const { gate, ask, entered, settle } = scene({ maxConcurrentAcquisitions: 1, maxConcurrentPerSite: 1 })
  ask('zhang', account('zhang'))
  ask('zhang again', account('zhang'))
  ask('li', account('li'))
  ask('bank', account('wang', 'bank'))
  await settle()
  expect(entered).toEqual(['zhang'])
  gate.configure({ maxConcurrentAcquisitions: 4 })
  await settle()
  expect(entered).toEqual(['zhang', 'bank'])
  gate.configure({ maxConcurrentPerSite: 2 })
  await settle()
  expect(entered).toEqual(['zhang', 'bank', 'li'])
  gate.configure({ maxConcurrentPerSite: 3, maxConcurrentPerAccount: 2 })
  await settle()
  expect(entered).toEqual(['zhang', 'bank', 'li', 'zhang again'])
})

test('a lowered limit of logins drains: nobody is aborted, nobody enters until it is kept', async () => {
  const { gate, ask, entered, slots, settle, release } = scene()
  const sites = ['a', 'b', 'c', 'd', 'e']
  for (const site of sites) ask(site, account('zhang', site))
  await settle()
  gate.configure({ maxConcurrentAcquisitions: 1 })
  expect(gate.usage().accounts.running).toBe(3)
  await release('a', 'b')
  expect(entered).toEqual(['a', 'b', 'c'])
  expect(slots.get('c')!.signal.aborted).toBe(false)
  await release('c')
  expect(entered).toEqual(['a', 'b', 'c', 'd'])
})

test('a changed longest wait counts for those who wait already', async () => {
  const { gate, clock, ask, failures, settle } = scene({ maxConcurrentPerProvider: 1 })
  for (const name of ['holds', 'waits']) ask(name)
  ask('zhang', account('zhang'))
  ask('zhang again', account('zhang'))
  await settle()
  await clock.advance(10_000)
  gate.configure({ queueTimeoutSeconds: 600, lockTimeoutSeconds: 12 })
  await clock.advance(1999)
  expect(failures.size).toBe(0)
  await clock.advance(1)
  expect([...failures.keys()]).toEqual(['zhang again'])
  await clock.advance(100_000)
  expect(failures.size).toBe(1)
  gate.configure({ queueTimeoutSeconds: 60 })
  await settle()
  expect([...failures.keys()]).toEqual(['zhang again', 'waits'])
})

test('a changed longest hold is for slots taken later', async () => {
  const { gate, clock, ask, slots, settle } = scene()
  ask('earlier')
  await settle()
  gate.configure({ acquisitionTimeoutSeconds: 10 })
  ask('later')
  await clock.advance(10_000)
  expect([slots.get('earlier')!.signal.aborted, slots.get('later')!.signal.aborted]).toEqual([false, true])
})

test('limits that are left out or undefined stay as they were', () => {
  const { gate } = scene({ maxConcurrentPerSite: 5 })
  gate.configure({ maxConcurrentPerSite: undefined, maxConcurrentOther: 7 } as object)
  expect(gate.usage().limits).toMatchObject({ maxConcurrentPerSite: 5, maxConcurrentOther: 7, queueTimeoutSeconds: 60 })
})

test('the limits shown cannot be changed by whoever is shown them', () => {
  const { gate } = scene()
  const { limits } = gate.usage()
  expect(() => (limits.maxConcurrentOther = 99)).toThrow(TypeError)
  expect(gate.usage().limits.maxConcurrentOther).toBe(32)
})

test.each([
  [{ maxConcurrentAcquisitions: 0 }, 'gate.maxConcurrentAcquisitions is 0; it has to be a whole number from 1.'],
  [{ maxConcurrentPerProvider: 1.5 }, 'gate.maxConcurrentPerProvider is 1.5; it has to be a whole number from 1.'],
  [{ lockTimeoutSeconds: -1 }, 'gate.lockTimeoutSeconds is -1; it has to be a number of seconds above 0.'],
  [{ queueTimeoutSeconds: '60' }, 'gate.queueTimeoutSeconds is the text "60"; it has to be a number of seconds'],
  [{ acquisitionTimeoutSeconds: Number.POSITIVE_INFINITY }, 'gate.acquisitionTimeoutSeconds is Infinity'],
  [{ maxConcurrentPerSite: Number.NaN }, 'gate.maxConcurrentPerSite is NaN; it has to be a whole number from 1.'],
  [{ maxConcurrentOther: -3 }, 'gate.maxConcurrentOther is -3; it has to be a whole number from 1.'],
  [{ maxConcurrentPerAccount: null }, 'gate.maxConcurrentPerAccount is null; it has to be a whole number from 1.'],
  [{ quarantineSeconds: Number.NaN }, 'gate.quarantineSeconds is NaN; it has to be a number of seconds above 0.'],
  [{ maxConcurent: 3 }, 'gate.maxConcurent is no limit of the gate; there are maxConcurrentAcquisitions'],
])('limits that cannot be are refused and named, and nothing changes: %j', async (limits, message) => {
  const { gate, ask, entered, settle } = scene()
  for (let i = 0; i < 4; i++) ask(`${i}`, account(`${i}`, `site${i}`))
  await settle()
  const before = gate.usage()
  const expected = expect.objectContaining({ code: 'invalid_configuration', message: expect.stringContaining(message) })
  expect(() => scene(limits as object)).toThrow(expected)
  expect(() => gate.configure({ maxConcurrentAcquisitions: 9, ...(limits as object) })).toThrow(expected)
  await settle()
  expect(gate.usage()).toEqual(before)
  expect(entered).toEqual(['0', '1', '2'])
})
