import type { GateSlot } from 'hotwell/concurrency'
import { expect, test } from 'vitest'
import { account, enter, scene } from './scene.ts'

const sites = ['a', 'b', 'c']

test('holders that never return: global and site slots come back at the deadline, accounts after the quarantine', async () => {
  const quarantined: unknown[] = []
  const { clock, gate, ask, entered, settle } = scene({
    maxConcurrentPerSite: 1,
    queueTimeoutSeconds: 600,
    lockTimeoutSeconds: 600,
    onQuarantine: (site, subject) => quarantined.push(`${site}/${subject}`),
  })
  for (const site of sites) ask(`${site} stuck`, account('zhang', site))
  await settle()
  for (const site of sites) ask(`${site} same`, account('zhang', site))
  ask('elsewhere', account('zhang', 'd'))
  await clock.advance(299_999)
  expect(entered).toHaveLength(3)
  await clock.advance(1)
  // Its account is free, and so is a slot; those of the same accounts still wait.
  expect(entered.slice(3)).toEqual(['elsewhere'])
  expect(gate.usage()).toMatchObject({ reclaimed: 3, accounts: { running: 1, waiting: 3, quarantined: 3 } })
  await clock.advance(59_999)
  expect([entered.length, quarantined.length]).toEqual([4, 0])
  await clock.advance(1)
  expect(quarantined).toEqual(['a/zhang', 'b/zhang', 'c/zhang'])
  // Only two, because one of the three at once is elsewhere.
  expect(entered.slice(4)).toEqual(['a same', 'b same'])
  expect(gate.usage()).toMatchObject({ accounts: { running: 3, waiting: 1, quarantined: 0 } })
})

test('a holder that returns late frees its account then, and only once', async () => {
  const told: unknown[] = []
  const { clock, gate, ask, entered, slots, release } = scene({ onQuarantine: (...which) => told.push(which) })
  ask('late', account('zhang'))
  await clock.advance(299_000)
  for (const name of ['second', 'third']) ask(name, account('zhang'))
  await clock.advance(21_000)
  expect(entered).toEqual(['late'])
  await release('late')
  expect(entered).toEqual(['late', 'second'])
  // The old number: neither the account nor any tier of its successor is freed by it.
  await release('late', 'late')
  await clock.advance(8999)
  expect(entered).toEqual(['late', 'second'])
  expect(gate.usage()).toMatchObject({ running: 1, waiting: 1, accounts: { quarantined: 0 } })
  expect(slots.get('second')!.number).toBeGreaterThan(slots.get('late')!.number)
  // It came back, so nothing is left to end or to tell.
  await clock.advance(200_000)
  expect(told).toEqual([])
  expect(slots.get('second')!.signal.aborted).toBe(false)
})

test('never two logins of one account at once, however late its holders come back', async () => {
  const { clock, gate } = scene({ acquisitionTimeoutSeconds: 10, quarantineSeconds: 20 })
  const inside = new Map<string, number>()
  let most = 0
  let served = 0
  const pause = (ms: number) => new Promise<void>(resolve => clock.schedule(resolve, ms))
  for (let index = 0; index < 300; index++) {
    const subject = `account ${index % 4}`
    clock.schedule(async () => {
      const slot = await enter(gate, account(subject)).catch(() => undefined)
      if (!slot) return
      served++
      inside.set(subject, (inside.get(subject) ?? 0) + 1)
      most = Math.max(most, inside.get(subject)!)
      // From at once to just before the quarantine ends.
      await pause((index * 7919) % 29_900)
      inside.set(subject, inside.get(subject)! - 1)
      slot.release()
    }, index * 2000)
  }
  await clock.advance(700_000)
  expect(most).toBe(1)
  expect(served).toBeGreaterThan(40)
  expect(gate.usage()).toMatchObject({ running: 0, waiting: 0, holders: [], accounts: { quarantined: 0 } })
  expect(gate.usage().reclaimed).toBeGreaterThan(10)
})

test('no wait outlives its deadline, whatever the account did meanwhile', async () => {
  const { clock, gate } = scene({ maxConcurrentAcquisitions: 1 })
  // Taken and free by turns: the other site takes the only slot in between, so that the account lies free.
  const hold = async (site: string, ms: number): Promise<void> => {
    const slot = await enter(gate, { ...account('zhang', site), priority: 'foreground' })
    await new Promise<void>(resolve => clock.schedule(resolve, ms))
    slot.release()
  }
  const startedAt = clock.monotonic()
  const waits: number[] = []
  const turns: [string, number][] = [
    ['court', 20_000],
    ['bank', 10_500],
    ['court', 9700],
    ['bank', 8900],
    ['court', 9000],
  ]
  for (const [site, ms] of turns) hold(site, ms).catch(() => {})
  enter(gate, { ...account('zhang'), priority: 'preheat' }).catch(() => waits.push(clock.monotonic() - startedAt))
  await clock.advance(120_000)
  // 20 s + 9.7 s, and 0.3 s of the last turn, which begins after 49.1 s.
  expect(waits).toEqual([49_400])
})

test('a slot is numbered once in the life of a gate', async () => {
  const { gate } = scene()
  const slots: GateSlot[] = []
  for (let i = 0; i < 100; i++) {
    slots.push(await enter(gate, account(`${i % 3}`)))
    slots.at(-1)!.release()
  }
  expect(new Set(slots.map(slot => slot.number)).size).toBe(100)
})
