import type { LoginSite } from '@hotwell/sandbox'
import { createTokenManager, type Provider, type TokenManager } from 'hotwell'
import { type Accounts, createAccounts } from 'hotwell/accounts'
import { FakeClock } from 'hotwell/testing'
import { expect, test } from 'vitest'
import { loginSite, passwordOf, withPasswords } from './court.ts'
import { formLogin } from './court-logins.ts'
import { type Ending, temporaryFolder } from './scene.ts'
import { seededRandom } from './seeded-random.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const hour = 3_600_000
const day = 24 * hour
const names = ['wrong', 'changed', 'good', 'spare']

interface World {
  readonly clock: FakeClock
  readonly site: LoginSite
  readonly accounts: Accounts
  readonly tokens: TokenManager
  /** A process as it were takes over from the one before, which was closed, or killed where it stood. */
  begin(after: 'close' | 'kill'): Promise<void>
}

interface Process {
  isAlive: boolean
  readonly accounts: Accounts
}

/** `durable: false`: whoever begins knows nothing of what the one before has spent. */
async function world(ending: Ending, { durable = true, seed = 1 } = {}): Promise<World> {
  const clock = new FakeClock()
  const site = await loginSite(ending, {
    accounts: withPasswords(names),
    captcha: true,
    captchaFailureRate: 0.1,
    seed,
    now: () => clock.now(),
  })
  const folder = await temporaryFolder(ending)
  const processes: (Process & { tokens: TokenManager })[] = []

  async function open(): Promise<Accounts> {
    const accounts = createAccounts({ path: `${folder}/accounts${durable ? '' : processes.length}.db`, clock })
    const isKnown = (await accounts.list()).length > 0
    for (const name of isKnown ? [] : names) {
      await accounts.add('court', name, { password: name === 'wrong' ? 'a wrong one' : passwordOf(name) })
    }
    return accounts
  }

  async function begin(after: 'close' | 'kill') {
    const former = processes.at(-1)
    if (after === 'close') {
      await former?.tokens.close()
      await former?.accounts.close()
    } else if (former) former.isAlive = false
    const mine = { isAlive: true, accounts: await open() }
    const providers: Record<string, Provider> = { court: formLogin(site) }
    const tokens = createTokenManager({ providers, accounts: untilKilled(mine), clock, preheat: false })
    processes.push(Object.assign(mine, { tokens }))
  }

  // Closing takes time, and that of the fake clock.
  ending.onTestFinished(async () => {
    const closings = processes.map(({ tokens }) => tokens.close())
    await settled(clock, closings)
    await Promise.all(processes.map(({ accounts }) => accounts.close()))
  })
  await begin('close')
  return {
    clock,
    site,
    begin,
    get accounts() {
      return processes.at(-1)!.accounts
    },
    get tokens() {
      return processes.at(-1)!.tokens
    },
  }
}

/** Passwords that are under way arrive, but a killed process writes nothing more, and sends no other. */
function untilKilled(process: Process): Accounts {
  return new Proxy(process.accounts, {
    get(accounts, name) {
      const value = Reflect.get(accounts, name)
      if (name !== 'settle' && name !== 'reserve') return typeof value === 'function' ? value.bind(accounts) : value
      return async (...given: never[]) => {
        if (!process.isAlive) throw new Error('killed')
        return value.apply(accounts, given)
      }
    },
  })
}

/** Lets what was begun come to its end, whatever that is: real answers of the site, pauses of the fake clock. */
async function settled(clock: FakeClock, works: Promise<unknown>[]): Promise<void> {
  let open = works.length
  for (const work of works) void work.then(() => open--)
  while (open > 0) await clock.advance(500)
}

const worstRow = ({ site }: World) => Math.max(...names.map(name => site.account(name).mostBadInRow))

/** Random traffic for so many days, or until the site has locked an account. */
async function days(count: number, made: World, random: () => number): Promise<void> {
  const { clock, site } = made
  const endsAt = clock.now() + count * day
  const changesAt = clock.now() + (count / 3) * day
  const notedAt = clock.now() + (count / 3) * 2 * day
  let [isChanged, isNoted] = [false, false]
  while (clock.now() < endsAt && worstRow(made) < 5) {
    if (!isChanged && clock.now() >= changesAt) site.setPassword('changed', 'another one')
    isChanged = clock.now() >= changesAt
    if (!isNoted && clock.now() >= notedAt) await made.accounts.update('court', 'changed', { password: 'another one' })
    isNoted = clock.now() >= notedAt
    trouble(site, random)
    const works = Array.from({ length: 1 + Math.floor(random() * 4) }, () => ask(made.tokens, random))
    const event = random()
    if (event < 0.12) {
      // Some of what was asked for has got as far as the site.
      for (let turn = random() * 30; turn > 0; turn--) await new Promise(resolve => setImmediate(resolve))
      works.push(made.begin(event < 0.06 ? 'kill' : 'close'))
    }
    await settled(clock, works)
    // Mostly minutes, at times most of a day. Nothing is planned for then: timers are called when it is over.
    clock.freeze(16 * hour * random() ** 3)
  }
}

function trouble(site: LoginSite, random: () => number): void {
  const kind = random()
  if (kind < 0.04) site.faults.set({ cutRate: 1, times: 1, paths: ['/login'] })
  else if (kind < 0.08) site.faults.set({ failureRate: 1, times: 1 + Math.floor(random() * 3) })
  else if (kind < 0.1) site.faults.set({ rate429: 1, times: 1 })
  else site.faults.clear()
}

/** Resolves also when it is refused. */
function ask(tokens: TokenManager, random: () => number): Promise<unknown> {
  const handle = tokens.token(`court/account/${names[Math.floor(random() * names.length)]}` as never)
  const any = tokens.token('court/account' as never)
  const kind = random()
  const asked = kind < 0.4 ? handle.refresh() : kind < 0.7 ? handle.get() : any.get()
  return asked.catch(() => {})
}

test('thirty days with a wrong password and one that changes, any traffic, forced refreshes, kills, faults: nothing is locked', async context => {
  for (let seed = 1; seed <= (long ? 60 : 2); seed++) {
    const made = await world(context, { seed })
    await days(30, made, seededRandom(seed))
    const { site } = made
    for (const name of names) {
      const { lockedOut, mostBadInRow } = site.account(name)
      expect(mostBadInRow, `${name}, seed ${seed}`).toBeLessThan(5)
      expect(lockedOut).toBe(false)
    }
    expect(site.account('wrong').badPasswords).toBeGreaterThan(0)
    expect(site.account('changed').badPasswords).toBeGreaterThan(0)
    expect(site.account('changed').badInRow, 'it works again').toBe(0)
    expect(site.account('good').badCaptchas, 'captchas failed, too').toBeGreaterThan(0)
    expect(site.account('good').logins, 'and the others worked').toBeGreaterThan(20)
    expect(site.requests.faulted).toBeGreaterThan(3)
  }
}, 600_000)

test('control: where the budget is forgotten with the process, the site locks', async context => {
  const made = await world(context, { durable: false })
  await days(30, made, seededRandom(1))
  expect(made.site.account('wrong').lockedOut).toBe(true)
}, 120_000)
