import { expect, test } from 'vitest'
import { account, scene } from './scene.ts'

test('the usage tells logins from other acquisitions, site by site, with who holds a slot and for how long', async () => {
  const { clock, gate, ask, settle } = scene()
  for (const name of ['zhang', 'li', 'wang']) ask(name, account(name))
  ask('acme')
  await settle()
  await clock.advance(1500)
  expect(gate.usage()).toMatchObject({
    running: 3,
    waiting: 1,
    accounts: { running: 2, waiting: 1, quarantined: 0, sites: { court: { running: 2, waiting: 1 } } },
    others: { running: 1, waiting: 0, sites: { feishu: { running: 1, waiting: 0 } } },
    holders: [
      { number: 1, provider: 'court', kind: 'account', subject: 'zhang', heldMs: 1500, state: 'held' },
      { number: 2, provider: 'court', kind: 'account', subject: 'li', heldMs: 1500, state: 'held' },
      { number: 3, provider: 'feishu', kind: 'tenant', subject: 'acme', heldMs: 1500, state: 'held' },
    ],
    limits: { maxConcurrentAcquisitions: 3, maxConcurrentPerSite: 2, maxConcurrentPerAccount: 1 },
    entered: 3,
    timedOut: 0,
  })
})

test('a holder past its deadline is shown as quarantined, then not at all', async () => {
  const { clock, gate, ask, settle, release } = scene({ acquisitionTimeoutSeconds: 20, quarantineSeconds: 5 })
  ask('zhang', account('zhang'))
  ask('li', account('li'))
  await settle()
  await clock.advance(20_000)
  expect(gate.usage()).toMatchObject({
    running: 0,
    reclaimed: 2,
    accounts: { running: 0, quarantined: 2 },
    holders: [{ subject: 'zhang', state: 'quarantined', heldMs: 20_000 }, { subject: 'li' }],
  })
  await release('li')
  expect(gate.usage().holders).toMatchObject([{ subject: 'zhang' }])
  await clock.advance(5000)
  expect(gate.usage()).toMatchObject({ holders: [], accounts: { quarantined: 0 } })
})

test('waits are those of the last 15 minutes; who gave up waiting counts as timed out, and for the longest', async () => {
  const { clock, gate, ask, settle, release } = scene({ maxConcurrentPerSite: 1, lockTimeoutSeconds: 600 })
  ask('zhang', account('zhang'))
  ask('li', account('li'))
  ask('wang', account('wang'))
  await settle()
  await clock.advance(4000)
  await release('zhang')
  const { meanWaitMs, p95WaitMs, longestWaitMs } = gate.usage()
  expect(meanWaitMs).toBeCloseTo(2000, -2)
  expect(p95WaitMs).toBeGreaterThan(3800)
  expect(p95WaitMs).toBeLessThan(4400)
  expect(longestWaitMs).toBe(4000)
  await clock.advance(56_000)
  expect(gate.usage()).toMatchObject({ entered: 2, timedOut: 1, longestWaitMs: 60_000, waiting: 0 })
  await clock.advance(900_000)
  expect(gate.usage()).toMatchObject({ meanWaitMs: 0, p95WaitMs: 0, entered: 2 })
})

test('usage of a gate that nobody used has no NaN in it', () => {
  const { gate } = scene()
  expect(JSON.stringify(gate.usage())).not.toContain('null')
})
