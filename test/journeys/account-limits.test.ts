import type { LoginSite } from '@hotwell/sandbox'
import { expect, test } from 'vitest'
import { accountsIn, court, loginSite, passwordOf, withPasswords } from './court.ts'
import { jsonLogin } from './court-logins.ts'
import type { Ending } from './scene.ts'
import { seededRandom } from './seeded-random.ts'

const siteNames = Array.from({ length: 20 }, (_, index) => `court${index}`)
const accountNames = ['zhang', 'li', 'wang', 'zhao', 'chen']
const refs = siteNames.flatMap(site => accountNames.map(account => `${site}/account/${account}`))
/** Long enough for as many logins to meet at the site as may. */
const latencyMs = 40
const patient = { queueTimeoutSeconds: 600, lockTimeoutSeconds: 600 }

/** A manager with all accounts of those sites; `nameAt` is what an account is called there. */
async function managerOf(
  ending: Ending,
  sites: Record<string, LoginSite>,
  { gate = {}, nameAt }: { gate?: object; nameAt: (site: string, account: string) => string },
) {
  const accounts = await accountsIn(ending)
  for (const site of siteNames) {
    for (const account of accountNames) {
      const username = nameAt(site, account)
      await accounts.add(site, account, { username, password: passwordOf(username) })
    }
  }
  const providers = Object.fromEntries(Object.entries(sites).map(([name, site]) => [name, jsonLogin(site)]))
  return court(ending, { providers, accounts, gate: { ...patient, ...gate } })
}

type Manager = Awaited<ReturnType<typeof managerOf>>

/** 500 callers at once, five for each account, in any order; what they got. */
function rush(tokens: Manager): Promise<string[]> {
  const random = seededRandom(5)
  const callers = refs
    .flatMap(ref => Array<string>(5).fill(ref))
    .map(ref => ({ ref, place: random() }))
    .sort((one, other) => one.place - other.place)
  return Promise.all(callers.map(({ ref }) => tokens.token(ref as never).get()))
}

/** All sites are one here, so that it counts over all of them. */
async function asOneSite(ending: Ending, gate: object = {}) {
  const nameAt = (site: string, account: string) => `${site}.${account}`
  const usernames = siteNames.flatMap(site => accountNames.map(account => nameAt(site, account)))
  const site = await loginSite(ending, { accounts: withPasswords(usernames), latencyMs })
  const sites = Object.fromEntries(siteNames.map(name => [name, site]))
  return { site, tokens: await managerOf(ending, sites, { gate, nameAt }) }
}

async function asTwentySites(ending: Ending, gate: object = {}) {
  const made = await Promise.all(
    siteNames.map(() => loginSite(ending, { accounts: withPasswords(accountNames), latencyMs })),
  )
  const byName = Object.fromEntries(siteNames.map((name, index) => [name, made[index]!]))
  return { sites: made, tokens: await managerOf(ending, byName, { gate, nameAt: (_site, account) => account }) }
}

test('500 callers of 100 accounts: one login each, three at once over all, one with each account, counted there', async context => {
  const { site, tokens } = await asOneSite(context)
  expect(new Set(await rush(tokens)).size).toBe(100)
  const counted = Object.values(site.accounts())
  expect(counted.map(({ attempts }) => attempts)).toEqual(Array(100).fill(1))
  expect(counted.map(({ mostAtOnce }) => mostAtOnce)).toEqual(Array(100).fill(1))
  expect(site.logins.mostAtOnce).toBe(3)
  expect(tokens.gateUsage()).toMatchObject({ running: 0, waiting: 0, holders: [], timedOut: 0 })
})

test('500 callers of 20 sites: two logins at once at each of them, counted there', async context => {
  const { sites, tokens } = await asTwentySites(context, { maxConcurrentAcquisitions: 100 })
  expect(new Set(await rush(tokens)).size).toBe(100)
  expect(Math.max(...sites.map(({ logins }) => logins.mostAtOnce))).toBe(2)
})

test('a site that is logged in to without end starves none of the others: they take turns', async context => {
  const { sites, tokens } = await asTwentySites(context)
  const [greedy, ...others] = sites
  let isOver = false
  async function refreshOverAndOver(account: string): Promise<void> {
    while (!isOver) await tokens.token(`court0/account/${account}` as never).refresh()
  }
  const endless = accountNames.map(refreshOverAndOver)
  await Promise.all(refs.filter(ref => !ref.startsWith('court0/')).map(ref => tokens.token(ref as never).get()))
  isOver = true
  const greedyLogins = Object.values(greedy!.accounts()).reduce((sum, { attempts }) => sum + attempts, 0)
  await Promise.all(endless)
  for (const site of others)
    expect(Object.values(site.accounts()).map(({ logins }) => logins)).toEqual(Array(5).fill(1))
  // Each of its five has one turn before the 95 others, and one behind them, where it asks again.
  expect(greedyLogins).toBeLessThanOrEqual(15)
})

test('control: with wider limits the sites see more at once', async context => {
  const all = await asOneSite(context, { maxConcurrentAcquisitions: 50 })
  await rush(all.tokens)
  expect(all.site.logins.mostAtOnce).toBeGreaterThan(3)
  const each = await asTwentySites(context, { maxConcurrentAcquisitions: 100, maxConcurrentPerSite: 5 })
  await rush(each.tokens)
  expect(Math.max(...each.sites.map(({ logins }) => logins.mostAtOnce))).toBeGreaterThan(2)
})
