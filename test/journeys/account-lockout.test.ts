import type { LoginSite } from '@hotwell/sandbox'
import { createTokenManager, type Provider, type TokenManager } from 'hotwell'
import { type Accounts, createAccounts } from 'hotwell/accounts'
import { FakeClock } from 'hotwell/testing'
import { expect, test } from 'vitest'
import { accountsIn, court, loginSite, passwordOf, withPasswords } from './court.ts'
import { formLogin, jsonLogin } from './court-logins.ts'
import { type Ending, settled, temporaryFolder } from './scene.ts'
import { seededRandom } from './seeded-random.ts'

const long = process.env.HOTWELL_TEST_SCALE === 'long'
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const numbered = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}${index}`)
const wrong = numbered('wrong', 5)
/** The site changes their passwords, one each few days; the operator hears of it days later. */
const changed = numbered('changed', 3)
const good = numbered('good', 2)
const names = [...wrong, ...changed, ...good]

interface World {
  readonly clock: FakeClock
  readonly site: LoginSite
  readonly accounts: Accounts
  readonly tokens: TokenManager
  /** A process as it were takes over from the one before, which was closed, or killed where it stood. */
  begin(after: 'close' | 'kill'): Promise<void>
  /** Clears away what is left of the killed ones, whose last passwords have arrived. */
  buryKilled(): Promise<void>
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
  let begun = 0

  async function open(): Promise<Accounts> {
    const accounts = createAccounts({ path: `${folder}/accounts${durable ? '' : begun}.db`, clock })
    const isKnown = (await accounts.list()).length > 0
    for (const name of isKnown ? [] : names) {
      await accounts.add('court', name, { password: wrong.includes(name) ? 'a wrong one' : passwordOf(name) })
    }
    return accounts
  }

  async function begin(after: 'close' | 'kill') {
    begun++
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

  /** Closing takes time, and that of the fake clock. */
  async function bury(those: typeof processes): Promise<void> {
    await settled(
      clock,
      those.map(({ tokens }) => tokens.close()),
    )
    await Promise.all(those.map(({ accounts }) => accounts.close()))
  }
  ending.onTestFinished(() => bury(processes))
  await begin('close')
  return {
    clock,
    site,
    begin,
    buryKilled: () => bury(processes.splice(0, processes.length - 1)),
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

const worstRow = ({ site }: World, among: string[]) => Math.max(...among.map(name => site.account(name).mostBadInRow))

interface Weather {
  /** Share of the moments at which the process is killed, or closed, while it logs in. */
  ends: number
  /** Share of the moments at which an answer of the site is lost. */
  cuts: number
  /** At most so many are lost in a row. */
  atOnce?: number
}
const calm: Weather = { ends: 0.1, cuts: 0.04, atOnce: 2 }
const deadly: Weather = { ends: 0.6, cuts: 0.04, atOnce: 2 }
const mute: Weather = { ends: 0.2, cuts: 0.5 }

/** Random traffic for so many days, or until the site has locked one of the watched accounts. */
async function days(
  count: number,
  made: World,
  { random, ends, ...weather }: Weather & { random: () => number },
  watched = names,
): Promise<void> {
  const { clock, site } = made
  const beganAt = clock.now()
  const news = changed.flatMap((name, index) => [
    { day: 4 + 5 * index, come: () => site.setPassword(name, 'another one') },
    { day: 12 + 5 * index, come: () => made.accounts.update('court', name, { password: 'another one' }) },
  ])
  while (clock.now() < beganAt + count * day && worstRow(made, watched) < 5) {
    for (const item of news.filter(item => beganAt + item.day * day <= clock.now())) {
      news.splice(news.indexOf(item), 1)
      await item.come()
    }
    trouble(site, weather, random)
    const works = Array.from({ length: 1 + Math.floor(random() * 6) }, () => ask(made.tokens, random))
    if (random() < ends) {
      // Some of what was asked for has got as far as the site.
      for (let turn = random() * 30; turn > 0; turn--) await new Promise(resolve => setImmediate(resolve))
      works.push(made.begin(random() < 0.5 ? 'kill' : 'close'))
    }
    await settled(clock, works)
    await made.buryKilled()
    // Mostly minutes, at times most of a day. Nothing is planned for then: timers are called when it is over.
    clock.freeze(16 * hour * random() ** 3)
  }
}

function trouble(site: LoginSite, { cuts, atOnce: times }: Omit<Weather, 'ends'>, random: () => number): void {
  const kind = random()
  if (kind < cuts) site.faults.set({ cutRate: 0.5, times, paths: ['/login'] })
  else if (kind < cuts + 0.04) site.faults.set({ failureRate: 1, times: 1 + Math.floor(random() * 3) })
  else if (kind < cuts + 0.06) site.faults.set({ rate429: 1, times: 1 })
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

function expectNoneLocked({ site }: World, seed: number, among = names): void {
  for (const name of among) {
    expect(site.account(name).mostBadInRow, `${name}, seed ${seed}`).toBeLessThan(5)
    expect(site.account(name).lockedOut).toBe(false)
  }
  for (const name of wrong) expect(site.account(name).badPasswords, 'it did try').toBeGreaterThan(0)
}

test('thirty days with wrong passwords and some that change, any traffic, forced refreshes, kills, faults: nothing is locked', async context => {
  for (let seed = 1; seed <= (long ? 20 : 1); seed++) {
    const made = await world(context, { seed })
    await days(30, made, { ...calm, random: seededRandom(seed) })
    expectNoneLocked(made, seed)
    const counted = (name: string) => made.site.account(name)
    for (const name of changed) expect(counted(name).badPasswords).toBeGreaterThan(0)
    for (const name of good) expect(counted(name).logins, 'and the others worked').toBeGreaterThan(20)
    expect(good.some(name => counted(name).badCaptchas > 0)).toBe(true)
  }
}, 1_800_000)

test('nor in thirty days in which most logins are cut short by a kill', async context => {
  for (let seed = 1; seed <= (long ? 30 : 1); seed++) {
    const made = await world(context, { seed })
    await days(30, made, { ...deadly, random: seededRandom(seed) })
    expectNoneLocked(made, seed)
  }
}, 1_800_000)

test('nor in thirty days in which a quarter of all logins has no answer', async context => {
  for (let seed = 1; seed <= (long ? 30 : 1); seed++) {
    const made = await world(context, { seed })
    await days(30, made, { ...mute, random: seededRandom(seed) })
    expectNoneLocked(made, seed)
  }
}, 1_800_000)

test('nor when a password that was right is changed at the site, which answers nothing more', async context => {
  const clock = new FakeClock()
  const site = await loginSite(context, { accounts: withPasswords(['zhang']), now: () => clock.now() })
  const accounts = await accountsIn(context, { clock })
  await accounts.add('court', 'zhang', { password: passwordOf('zhang') })
  const tokens = court(context, { providers: { court: jsonLogin(site) }, accounts, clock })
  const handle = tokens.token('court/account/zhang' as never)
  await handle.get()
  site.setPassword('zhang', 'another one')
  site.faults.set({ cutRate: 1 })
  const beganAt = clock.now()
  while (clock.now() < beganAt + 8 * hour) {
    await settled(clock, [handle.refresh().catch(() => {})])
    clock.freeze(10 * minute)
  }
  expect(site.account('zhang')).toMatchObject({ mostBadInRow: 4, lockedOut: false })
  expect((await accounts.get('court', 'zhang')).state).toBe('spent')
})

test('control: where the budget is forgotten with the process, the site locks', async context => {
  for (const weather of [calm, deadly, mute]) {
    const made = await world(context, { durable: false })
    await days(30, made, { ...weather, random: seededRandom(1) })
    expect(names.filter(name => made.site.account(name).lockedOut)).not.toEqual([])
  }
}, 120_000)
