import { rm } from 'node:fs/promises'
import type { LoginSite } from '@hotwell/sandbox'
import type { TokenManager } from 'hotwell'
import { type Accounts, createAccounts } from 'hotwell/accounts'
import { FakeClock } from 'hotwell/testing'
import { expect, test } from 'vitest'
import { type Child, startProgram } from './child.ts'
import { court, jsonLogin, loginSite, passwordOf, withPasswords } from './court.ts'
import { type Ending, mortal, pause, temporaryFolder, until } from './scene.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const hour = 3_600_000
const names = ['wrong', 'changed', 'good', 'spare']

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface World {
  clock: FakeClock
  site: LoginSite
  /** A process as it were: accounts and a manager that is given up, not closed, by the next one. */
  begin(): Promise<TokenManager>
  /** From now on nothing that the present one hears reaches its accounts. */
  crash(): void
}

/** `durable: false`: whoever begins knows nothing of what the one before has spent. */
async function world(ending: Ending, { durable = true } = {}): Promise<World> {
  const clock = new FakeClock()
  const site = await loginSite(ending, { accounts: withPasswords(names), now: () => clock.now() })
  const folder = await temporaryFolder(ending)
  const path = `${folder}/accounts.db`
  let alive = { now: true }
  let opened: Accounts | undefined

  async function open(): Promise<Accounts> {
    await opened?.close()
    if (!durable) for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true })
    opened = createAccounts({ path, clock })
    const known = (await opened.list()).length > 0
    for (const name of known ? [] : names) {
      await opened.add('court', name, { password: name === 'wrong' ? 'a wrong one' : passwordOf(name) })
    }
    return opened
  }

  ending.onTestFinished(() => opened?.close())
  return {
    clock,
    site,
    async begin() {
      const accounts = await open()
      alive = { now: true }
      const mine = alive
      // The file of a process that was killed hears nothing any more of what the site answered.
      const mortalAccounts = new Proxy(accounts, {
        get: (target, name) => {
          const value = Reflect.get(target, name)
          if (name === 'settle')
            return async (...given: never[]) => void (mine.now && (await value.apply(target, given)))
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
      return court(ending, { providers: { court: jsonLogin(site, 30) }, accounts: mortalAccounts, clock })
    },
    crash: () => void (alive.now = false),
  }
}

/** Lets what was begun come to its end, whatever that is: real answers of the site, pauses of the fake clock. */
async function settled(clock: FakeClock, works: Promise<unknown>[]): Promise<void> {
  let open = works.length
  for (const work of works) void work.catch(() => {}).finally(() => open--)
  for (let step = 0; open > 0 && step < 500; step++) {
    await clock.advance(2000)
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** Days of random traffic on all accounts; returns when the site has locked one, or the days are over. */
async function days(count: number, { clock, site, begin, crash }: World, random: () => number): Promise<void> {
  let tokens = await begin()
  const worst = () => Math.max(...names.map(name => site.account(name).badInRow))
  for (let step = 0; step < count * 6 && worst() < 5; step++) {
    if (step === count * 2) site.setPassword('changed', 'another one')
    const works: Promise<unknown>[] = []
    const crashes = random() < 0.04
    for (let call = 0; call < 3; call++) {
      const name = names[Math.floor(random() * names.length)]!
      const handle = tokens.token(`court/account/${name}` as never)
      const kind = random()
      if (kind < 0.4) works.push(handle.refresh())
      else if (kind < 0.7) works.push(handle.get())
      else works.push(tokens.token('court/account' as never).get())
    }
    if (random() < 0.02) site.faults.set({ cutRate: 1, times: 1 })
    if (crashes) crash()
    await settled(clock, works)
    if (crashes) {
      void tokens.close()
      tokens = await begin()
    }
    await clock.advance(random() * 8 * hour)
  }
}

test('thirty days with a wrong password and one that is changed, any traffic, forced refreshes, crashes: nothing is locked', async context => {
  for (let seed = 1; seed <= (long ? 10 : 2); seed++) {
    const made = await world(context)
    await days(30, made, seeded(seed))
    for (const name of names) {
      const { lockedOut, mostBadInRow } = made.site.account(name)
      expect({ seed, name, lockedOut }).toEqual({ seed, name, lockedOut: false })
      expect(mostBadInRow).toBeLessThan(5)
    }
    expect(made.site.account('wrong').badPasswords).toBeGreaterThan(0)
    expect(made.site.account('changed').badPasswords).toBeGreaterThan(0)
    expect(made.site.account('good').logins, 'and the others worked').toBeGreaterThan(20)
  }
}, 120_000)

test('control: where the budget is forgotten with the process, the site locks', async context => {
  const made = await world(context, { durable: false })
  await days(30, made, seeded(1))
  expect(made.site.account('wrong').lockedOut).toBe(true)
}, 120_000)

/** A process that logs in with a wrong password as often as it can, killed in the middle of it, again and again. */
async function killed(ending: Ending, { durable }: { durable: boolean }) {
  const site = await loginSite(ending, { accounts: withPasswords(['wrong']), latencyMs: 40 })
  const folder = await temporaryFolder(ending)
  const random = seeded(3)
  const kills = long ? 60 : 12
  let child: Child | undefined
  for (let kill = 0; kill < kills && !site.account('wrong').lockedOut; kill++) {
    const path = durable ? `${folder}/accounts.db` : `${folder}/accounts-${kill}.db`
    child = mortal(ending, startProgram('login-loop', { path, url: site.url, windowSeconds: 1 }))
    await child.told('ready')
    const before = site.account('wrong').attempts
    // Some in the middle of the first login, some a while later.
    if (random() < 0.5) await until('a login', () => site.account('wrong').attempts > before, 500).catch(() => {})
    else await pause(random() * 200)
    await child.kill()
  }
  return site.account('wrong')
}

test('a process that is killed in the middle of logins, over and over, never gets its account locked', async context => {
  const { lockedOut, attempts, mostBadInRow } = await killed(context, { durable: true })
  expect(attempts, 'it did try').toBeGreaterThanOrEqual(2)
  expect(mostBadInRow).toBeLessThan(5)
  expect(lockedOut).toBe(false)
}, 300_000)

test('control: with a budget that does not outlive the process, the account is locked', async context => {
  expect(await killed(context, { durable: false })).toMatchObject({ lockedOut: true })
}, 300_000)
