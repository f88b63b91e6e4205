import { expect, test } from 'vitest'
import { begin, dayMs, hourMs, login, scene, tryToBegin } from './scene.ts'

const password = 'some password'

async function court(options?: Parameters<typeof scene>[0]) {
  const it = scene(options)
  await it.accounts.add('court', 'zhang', { password })
  return it
}

test('each wrong password in a row bars for longer: 1 h, 2 h, 4 h, then until a person acts', async () => {
  const { accounts, clock } = await court({ lockoutBudget: { tries: 4, windowSeconds: 1 } })
  for (const hours of [1, 2, 4]) {
    await login(accounts, 'court', 'zhang', 'credential_error')
    const until = clock.now() + hours * hourMs
    expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'barred', bar: { cause: 'credential', until } })
    await clock.advance(hours * hourMs - 1)
    expect(await tryToBegin(accounts, 'court', 'zhang')).toEqual({
      reason: expect.stringMatching(
        /"zhang" of the site "court" is barred until .*refused its password.*unbar court zhang/,
      ),
      retryAt: until,
    })
    expect(await accounts.candidates('court')).toEqual([])
    await clock.advance(1)
    expect(await accounts.candidates('court')).toHaveLength(1)
  }
  await login(accounts, 'court', 'zhang', 'credential_error')
  await clock.advance(1000 * dayMs)
  const refusal = await tryToBegin(accounts, 'court', 'zhang')
  expect(refusal).toEqual({ reason: expect.stringContaining('4 times in a row') })
  const { bar, state } = await accounts.get('court', 'zhang')
  expect({ bar, state }).toEqual({ state: 'barred', bar: { cause: 'credential', reason: expect.any(String) } })
  expect(await accounts.candidates('court')).toEqual([])
})

test('a success in between starts the schedule anew, and gives the whole budget back', async () => {
  const { accounts, clock } = await court()
  await login(accounts, 'court', 'zhang', 'credential_error')
  await clock.advance(hourMs)
  await login(accounts, 'court', 'zhang', 'success')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'available', budget: { spent: 0 } })
  await login(accounts, 'court', 'zhang', 'credential_error')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ bar: { until: clock.now() + hourMs } })
})

test('bars outlive the process', async () => {
  const { accounts, open } = await court()
  await login(accounts, 'court', 'zhang', 'credential_error')
  await accounts.bar('court', 'zhang', { reason: 'On holiday' })
  await accounts.close()
  const restarted = open()
  expect((await restarted.blacklist()).map(({ cause }) => cause)).toEqual(['credential', 'manual'])
  expect(await restarted.candidates('court')).toEqual([])
  expect(await tryToBegin(restarted, 'court', 'zhang')).toHaveProperty('reason')
})

test('a bar by hand lasts as long as it was said to', async () => {
  const { accounts, clock } = await court()
  const until = clock.now() + dayMs
  const facts = await accounts.bar('court', 'zhang', { reason: 'On holiday', until })
  expect(facts).toMatchObject({ state: 'barred', bar: { cause: 'manual', reason: 'On holiday', until } })
  const bar = { site: 'court', account: 'zhang', cause: 'manual', reason: 'On holiday', barredAt: clock.now(), until }
  expect(await accounts.blacklist()).toEqual([bar])
  expect(await accounts.blacklist({ site: 'elsewhere' })).toEqual([])
  expect(await accounts.candidates('court')).toEqual([])
  expect(await tryToBegin(accounts, 'court', 'zhang')).toEqual({
    reason: expect.stringContaining('On holiday'),
    retryAt: until,
  })
  await clock.advance(dayMs)
  expect(await accounts.blacklist()).toEqual([])
  await login(accounts, 'court', 'zhang', 'success')
})

test('a success and a new credential lift the bar of a wrong password, never one by hand', async () => {
  const { accounts } = await court()
  const [first, second] = [await begin(accounts, 'court', 'zhang'), await begin(accounts, 'court', 'zhang')]
  const causes = async () => (await accounts.blacklist()).map(({ cause }) => cause)
  await accounts.settle('court', 'zhang', first, 'credential_error')
  await accounts.bar('court', 'zhang')
  expect(await causes()).toEqual(['credential', 'manual'])
  await accounts.settle('court', 'zhang', second, 'success')
  expect(await causes()).toEqual(['manual'])
  await accounts.unbar('court', 'zhang')
  await login(accounts, 'court', 'zhang', 'credential_error')
  await accounts.bar('court', 'zhang')
  await accounts.update('court', 'zhang', { password: 'a new one' })
  expect(await causes()).toEqual(['manual'])
  expect(await accounts.get('court', 'zhang')).toMatchObject({ bar: { cause: 'manual' }, budget: { spent: 0 } })
})

test('a person who unbars lifts both bars, forgives refusals and gives the budget back', async () => {
  const { accounts, clock } = await court({ lockoutBudget: { tries: 4 } })
  for (const hours of [1, 2, 4, 8]) {
    await login(accounts, 'court', 'zhang', 'credential_error')
    await clock.advance(hours * hourMs)
  }
  await accounts.bar('court', 'zhang')
  expect(await accounts.unbar('court', 'zhang')).toMatchObject({ state: 'available', budget: { spent: 0 } })
  expect(await accounts.blacklist()).toEqual([])
  await login(accounts, 'court', 'zhang', 'credential_error')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ bar: { until: clock.now() + hourMs } })
})

test('of two bars the one that lasts longest is told', async () => {
  const { accounts, clock } = await court()
  await login(accounts, 'court', 'zhang', 'credential_error')
  await accounts.bar('court', 'zhang', { until: clock.now() + 3 * hourMs })
  const told = async () => (await accounts.get('court', 'zhang')).bar
  expect(await told()).toMatchObject({ cause: 'manual', until: clock.now() + 3 * hourMs })
  expect(await tryToBegin(accounts, 'court', 'zhang')).toMatchObject({ retryAt: clock.now() + 3 * hourMs })
  await accounts.bar('court', 'zhang', { until: clock.now() + 1 })
  expect(await told()).toMatchObject({ cause: 'credential', until: clock.now() + hourMs })
  await accounts.bar('court', 'zhang')
  expect(await told()).toEqual({ cause: 'manual', reason: 'Barred by hand.' })
})

test('the same password again is no new credential: bar and budget stay', async () => {
  const { accounts } = await court()
  await login(accounts, 'court', 'zhang', 'credential_error')
  const before = await accounts.get('court', 'zhang')
  expect(await accounts.update('court', 'zhang', { username: 'zhang', password })).toEqual(before)
  expect(await accounts.update('court', 'zhang', { username: 'zhang2' })).toMatchObject({ state: 'available' })
})

test('a new credential begins with the shortest bar, and owes nothing for doubts about the former one', async () => {
  const { accounts, clock } = await court({ lockoutBudget: { tries: 4 } })
  await login(accounts, 'court', 'zhang', 'success')
  for (let n = 0; n < 3; n++) {
    await login(accounts, 'court', 'zhang', 'unknown')
    await clock.advance(2 * hourMs)
  }
  await login(accounts, 'court', 'zhang', 'credential_error')
  await accounts.update('court', 'zhang', { password: 'a new one' })
  for (const hours of [1, 2]) {
    await login(accounts, 'court', 'zhang', 'credential_error')
    expect(await accounts.get('court', 'zhang')).toMatchObject({ bar: { until: clock.now() + hours * hourMs } })
    await clock.advance(hours * hourMs)
  }
})

test('an outcome of an older version of the credential changes nothing', async () => {
  const { accounts, open, clock } = await court()
  const older = [await begin(accounts, 'court', 'zhang'), await begin(accounts, 'court', 'zhang')]
  const current = await open().update('court', 'zhang', { password: 'a new one' })
  await accounts.settle('court', 'zhang', older[0]!, 'credential_error')
  expect(await accounts.get('court', 'zhang')).toEqual(current)
  await accounts.settle('court', 'zhang', older[1]!, 'captcha_error')
  expect(await accounts.get('court', 'zhang')).toEqual(current)
  // Control: one of the present version does.
  await clock.advance(1000)
  await login(accounts, 'court', 'zhang', 'credential_error')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'barred', failures: 1 })
})

test('a success of an older version does not lift the bar of the present one', async () => {
  const { accounts } = await court()
  const older = await begin(accounts, 'court', 'zhang')
  await accounts.update('court', 'zhang', { password: 'a new one' })
  await login(accounts, 'court', 'zhang', 'credential_error')
  const before = await accounts.get('court', 'zhang')
  await accounts.settle('court', 'zhang', older, 'success')
  expect(await accounts.get('court', 'zhang')).toEqual(before)
})

test('cleaning up deletes bars that are over and tries of former credentials, and nothing that counts', async () => {
  const { accounts, clock } = await court()
  await accounts.add('court', 'li', { password })
  await login(accounts, 'court', 'zhang', 'credential_error')
  await accounts.bar('court', 'li')
  await clock.advance(hourMs)
  expect(await accounts.cleanup()).toEqual({ expiredBars: 1, settledReservations: 0 })
  expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'available', budget: { spent: 1 } })
  expect(await accounts.get('court', 'li')).toMatchObject({ state: 'barred' })
  await login(accounts, 'court', 'zhang', 'credential_error')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ bar: { until: clock.now() + 2 * hourMs } })
})
