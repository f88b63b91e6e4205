import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { StatementSync } from 'node:sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createSystemClock } from '../../src/core/clock.ts'
import type { LoginOutcome, LoginReservation } from '../../src/tokens/account-source.ts'
import { begin, dayMs, execute, hourMs, login, minuteMs, scene, tryToBegin } from './scene.ts'

const password = 'some password'
const script = new URL('./account-process.ts', import.meta.url)

async function court(options?: Parameters<typeof scene>[0]) {
  const it = scene(options)
  await it.accounts.add('court', 'zhang', { password })
  return it
}

function start(path: string, tries: number): ChildProcess {
  const child = fork(script, [path, String(tries)], { execArgv: ['--conditions=hotwell-source'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

test('two passwords may be under way; the third is refused until the first leaves the window', async () => {
  const { accounts, clock } = await court()
  const firstAt = clock.now()
  await begin(accounts, 'court', 'zhang')
  await clock.advance(hourMs)
  await begin(accounts, 'court', 'zhang')
  const refusal = { reason: expect.stringMatching(/spent its lock-out budget: 2 passwords/), retryAt: firstAt + dayMs }
  expect(await tryToBegin(accounts, 'court', 'zhang')).toEqual(refusal)
  const budget = { tries: 2, spent: 2, windowSeconds: 86_400, nextAt: firstAt + dayMs }
  expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'spent', budget })
  await clock.advance(23 * hourMs - 1)
  expect(await tryToBegin(accounts, 'court', 'zhang')).toEqual(refusal)
  await clock.advance(1)
  await begin(accounts, 'court', 'zhang')
})

test('a try is on the disk before its password may leave', async () => {
  const { accounts, path, clock } = await court()
  const { id, credentialId } = await begin(accounts, 'court', 'zhang')
  expect(execute(path, 'select * from account_reservations')).toEqual([
    { id, credential_id: credentialId, reserved_at: clock.now(), outcome: null },
  ])
})

test('it waits for the disk, and so does a refusal; what gives a try back need not', async () => {
  const { accounts } = await court()
  const credentials = (await accounts.credentials('court', 'zhang'))!
  const statements: string[] = []
  for (const method of ['all', 'run'] as const) {
    const original = StatementSync.prototype[method] as (...given: unknown[]) => unknown
    const recorded = function (this: StatementSync, ...given: unknown[]) {
      statements.push(this.sourceSQL.replace(/insert into "(\w+)".*/, 'insert into $1'))
      return original.apply(this, given)
    }
    vi.spyOn(StatementSync.prototype, method).mockImplementation(recorded as never)
  }
  onTestFinished(() => void vi.restoreAllMocks())
  const done = async (work: Promise<unknown>) => {
    statements.length = 0
    await work
    return statements.filter(text => /^(pragma synch|begin|commit|insert into account_reservations)/.test(text))
  }
  const durably = (...statements: string[]) => ['pragma synchronous = full', 'begin immediate', ...statements, 'commit']
  const reserving = accounts.reserve('court', credentials)
  const insertion = 'insert into account_reservations'
  expect(await done(reserving)).toEqual([...durably(insertion), 'pragma synchronous = normal'])
  const settled = (outcome: LoginOutcome) => async (reservation: unknown) =>
    done(accounts.settle('court', 'zhang', reservation as LoginReservation, outcome))
  expect(await reserving.then(settled('captcha_error'))).toEqual(['begin immediate', 'commit'])
  const refused = await accounts.reserve('court', credentials).then(settled('credential_error'))
  expect(refused).toEqual([...durably(insertion), 'pragma synchronous = normal'])
})

test.each<LoginOutcome>(['success', 'captcha_error', 'network_error', 'rate_limited', 'failed'])(
  'a try that ends with %s is given back',
  async outcome => {
    const { accounts, clock } = await court()
    for (let round = 0; round < 20; round++) {
      await login(accounts, 'court', 'zhang', outcome)
      await clock.advance(minuteMs)
    }
    const { budget, bar } = await accounts.get('court', 'zhang')
    expect({ spent: budget.spent, bar }).toEqual({ spent: 0, bar: undefined })
  },
)

test('a password without an answer stays spent, as the site may have counted it', async () => {
  const { accounts } = await court()
  await login(accounts, 'court', 'zhang', 'unknown')
  await login(accounts, 'court', 'zhang', 'unknown')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'spent', budget: { spent: 2 } })
})

test('one that is known to be right is given back, and rests the longer, the more of its tries nobody answered', async () => {
  const { accounts, clock } = await court()
  await login(accounts, 'court', 'zhang', 'success')
  for (const restsSeconds of [0, 300, 7200]) {
    await login(accounts, 'court', 'zhang', 'unknown')
    expect(await accounts.get('court', 'zhang')).toMatchObject({ budget: { spent: 0 } })
    if (restsSeconds > 0) {
      expect(await tryToBegin(accounts, 'court', 'zhang')).toEqual({
        reason: expect.stringContaining('without an answer'),
        retryAt: clock.now() + restsSeconds * 1000,
      })
    }
    await clock.advance(restsSeconds * 1000)
  }
  await login(accounts, 'court', 'zhang', 'success')
  await login(accounts, 'court', 'zhang', 'unknown')
  await begin(accounts, 'court', 'zhang')
})

test('but four times in all: if it was changed, the site has counted each', async () => {
  const { accounts, clock } = await court()
  await login(accounts, 'court', 'zhang', 'success')
  for (let n = 0; n < 4; n++) {
    await login(accounts, 'court', 'zhang', 'unknown')
    await clock.advance(dayMs)
  }
  expect(await tryToBegin(accounts, 'court', 'zhang')).toEqual({ reason: expect.stringContaining('4 times') })
  await accounts.unbar('court', 'zhang')
  await login(accounts, 'court', 'zhang', 'success')
})

test('a success in between forgives those as well', async () => {
  const { accounts, clock } = await court()
  await login(accounts, 'court', 'zhang', 'success')
  for (let n = 0; n < 3; n++) {
    await login(accounts, 'court', 'zhang', 'unknown')
    await clock.advance(2 * hourMs)
  }
  await login(accounts, 'court', 'zhang', 'success')
  await login(accounts, 'court', 'zhang', 'credential_error')
  await clock.advance(hourMs)
  await begin(accounts, 'court', 'zhang')
})

test('a new password is not known to be right because the former one was', async () => {
  const { accounts } = await court()
  await login(accounts, 'court', 'zhang', 'success')
  await accounts.update('court', 'zhang', { password: 'a new one' })
  for (let n = 0; n < 2; n++) await login(accounts, 'court', 'zhang', 'unknown')
  expect(await tryToBegin(accounts, 'court', 'zhang')).toHaveProperty('reason')
})

test('an answer that nobody understood stays spent even then: the site may have refused a password that was changed there', async () => {
  const { accounts, clock } = await court()
  await login(accounts, 'court', 'zhang', 'success')
  for (const day of [1, 2]) {
    for (let n = 0; n < 2; n++) await login(accounts, 'court', 'zhang', 'not_understood')
    expect(await tryToBegin(accounts, 'court', 'zhang'), `on day ${day}`).toHaveProperty('reason')
    await clock.advance(dayMs)
  }
  const refusal = await tryToBegin(accounts, 'court', 'zhang')
  expect(refusal).toEqual({ reason: expect.stringContaining('4 times') })
  expect(await accounts.blacklist(), 'it is no refusal either').toEqual([])
})

test('those given back in good faith count when the site changed its mind: four in all', async () => {
  const { accounts, clock } = await court()
  await login(accounts, 'court', 'zhang', 'success')
  let counted = 0
  for (const outcome of ['unknown', 'unknown', 'credential_error', 'credential_error'] as const) {
    await login(accounts, 'court', 'zhang', outcome)
    counted++
    await clock.advance(hourMs)
  }
  await clock.advance(100 * dayMs)
  expect(counted).toBe(4)
  expect(await tryToBegin(accounts, 'court', 'zhang')).toEqual({ reason: expect.stringContaining('4 times') })
})

test('and a person who unbars forgives them as well', async () => {
  const { accounts, clock } = await court()
  await login(accounts, 'court', 'zhang', 'success')
  for (let n = 0; n < 3; n++) {
    await login(accounts, 'court', 'zhang', 'unknown')
    await clock.advance(dayMs)
  }
  await login(accounts, 'court', 'zhang', 'credential_error')
  expect((await accounts.unbar('court', 'zhang')).state).toBe('available')
  await begin(accounts, 'court', 'zhang')
})

test('a crash leaves the try spent', async () => {
  const { accounts, open } = await court()
  await begin(accounts, 'court', 'zhang')
  const restarted = open()
  expect(await restarted.get('court', 'zhang')).toMatchObject({ state: 'available', budget: { spent: 1 } })
  await begin(restarted, 'court', 'zhang')
  expect(await tryToBegin(open(), 'court', 'zhang')).toHaveProperty('reason')
})

test('after four crashes without a success a person has to look, and a new credential starts anew', async () => {
  const { accounts, open, clock } = await court()
  for (let crash = 0; crash < 4; crash++) {
    await begin(open(), 'court', 'zhang')
    await clock.advance(dayMs)
  }
  await clock.advance(100 * dayMs)
  expect(await tryToBegin(open(), 'court', 'zhang')).toEqual({ reason: expect.stringContaining('could lock it') })
  const facts = await accounts.get('court', 'zhang')
  expect(facts).toMatchObject({ state: 'spent', budget: { spent: 2 } })
  expect(facts.budget).not.toHaveProperty('nextAt')
  await accounts.update('court', 'zhang', { password: 'a new one' })
  await login(accounts, 'court', 'zhang', 'success')
})

test('a success forgives the crashes before it, but not a password that left after it', async () => {
  const { accounts, clock } = await court({ lockoutBudget: { tries: 3 } })
  await begin(accounts, 'court', 'zhang')
  await clock.advance(1)
  const right = await begin(accounts, 'court', 'zhang')
  await clock.advance(1)
  await begin(accounts, 'court', 'zhang')
  await accounts.settle('court', 'zhang', right, 'success')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ budget: { spent: 1 } })
})

test('nor one that was reserved after a person unbarred, by the success of an older login', async () => {
  const { accounts, clock } = await court()
  const older = await begin(accounts, 'court', 'zhang')
  await accounts.unbar('court', 'zhang')
  await clock.advance(1)
  await begin(accounts, 'court', 'zhang')
  await clock.advance(1)
  await accounts.settle('court', 'zhang', older, 'success')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ budget: { spent: 1 } })
})

test('nor one that was reserved after it by a wall clock that had been set back', async () => {
  const { accounts, clock } = await court()
  const right = await begin(accounts, 'court', 'zhang')
  clock.jumpWall(-dayMs)
  await begin(accounts, 'court', 'zhang')
  await accounts.settle('court', 'zhang', right, 'success')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ budget: { spent: 1 } })
})

test('settling twice counts once', async () => {
  const { accounts, clock } = await court()
  const reservation = await begin(accounts, 'court', 'zhang')
  for (let time = 0; time < 3; time++) await accounts.settle('court', 'zhang', reservation, 'credential_error')
  expect(await accounts.get('court', 'zhang')).toMatchObject({
    failures: 1,
    bar: { until: clock.now() + hourMs },
    budget: { spent: 1 },
  })
})

test('a wrong password is counted even if a person has unbarred the account while it was under way', async () => {
  const { accounts } = await court()
  const reservation = await begin(accounts, 'court', 'zhang')
  await accounts.unbar('court', 'zhang')
  await accounts.settle('court', 'zhang', reservation, 'credential_error')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'barred', budget: { spent: 1 } })
})

test('two instances on one file never reserve past the budget together', async () => {
  const { accounts, open } = await court()
  const instances = [accounts, open()]
  const credentials = (await accounts.credentials('court', 'zhang'))!
  const attempts = Array.from({ length: 40 }, (_, n) => instances[n % 2]!.reserve('court', credentials))
  const granted = (await Promise.all(attempts)).filter(reserved => 'id' in reserved)
  expect(granted).toHaveLength(2)
})

test('four processes that try at once, and are killed, send two passwords in all', async () => {
  const { accounts, path, open } = await court({ clock: createSystemClock() })
  await accounts.close()
  const children = Array.from({ length: 4 }, () => start(path, 10))
  const granted: number[] = await Promise.all(
    children.map(async child => {
      await once(child, 'message')
      child.send('go')
      const [count] = await once(child, 'message')
      child.kill('SIGKILL')
      await once(child, 'exit')
      return count as number
    }),
  )
  expect(granted.reduce((sum, count) => sum + count)).toBe(2)
  expect(await open().get('court', 'zhang')).toMatchObject({ state: 'spent', budget: { spent: 2 } })
})
