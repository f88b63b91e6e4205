import { expect, test } from 'vitest'
import { accountsIn, court, loginSite, passwordOf, withPasswords } from './court.ts'
import { jsonLogin } from './court-logins.ts'
import type { Ending } from './scene.ts'

const siteNames = Array.from({ length: 20 }, (_, index) => `court${index}`)
const accountNames = ['zhang', 'li', 'wang', 'zhao', 'chen']
/** Five callers for each account. */
const callers = siteNames.flatMap(site =>
  accountNames.flatMap(account => Array<string>(5).fill(`${site}/account/${account}`)),
)
const patient = { queueTimeoutSeconds: 600, lockTimeoutSeconds: 600 }

/** Everybody asks at once; what they got. */
async function rush(ending: Ending, urls: Record<string, { url: string }>, gate: object, usernames: boolean) {
  const accounts = await accountsIn(ending)
  for (const site of siteNames) {
    for (const account of accountNames) {
      const username = usernames ? `${site}.${account}` : account
      await accounts.add(site, account, { username, password: passwordOf(username) })
    }
  }
  const providers = Object.fromEntries(Object.entries(urls).map(([name, site]) => [name, jsonLogin(site)]))
  const tokens = court(ending, { providers, accounts, gate: { ...patient, ...gate } })
  const got = await Promise.all(callers.map(ref => tokens.token(ref as never).get()))
  return { got, tokens }
}

/** All sites are one here, so that it counts over all of them. */
async function oneSite(ending: Ending, gate: object = {}) {
  const usernames = siteNames.flatMap(site => accountNames.map(account => `${site}.${account}`))
  const site = await loginSite(ending, { accounts: withPasswords(usernames), latencyMs: 10 })
  const urls = Object.fromEntries(siteNames.map(name => [name, site]))
  return { site, ...(await rush(ending, urls, gate, true)) }
}

test('500 callers of 100 accounts: one login each, three at once over all, one with each account, counted there', async context => {
  const { site, got, tokens } = await oneSite(context)
  expect(new Set(got).size).toBe(100)
  const counted = Object.values(site.accounts())
  expect(counted.map(({ attempts }) => attempts)).toEqual(Array(100).fill(1))
  expect(counted.map(({ mostAtOnce }) => mostAtOnce)).toEqual(Array(100).fill(1))
  expect(site.logins.mostAtOnce).toBe(3)
  expect(tokens.gateUsage()).toMatchObject({ running: 0, waiting: 0, holders: [], timedOut: 0 })
})

test('500 callers of 20 sites: two logins at once at each of them, counted there', async context => {
  const names = withPasswords(accountNames)
  const sites = await Promise.all(siteNames.map(() => loginSite(context, { accounts: names, latencyMs: 10 })))
  const urls = Object.fromEntries(siteNames.map((name, index) => [name, sites[index]!]))
  const { got } = await rush(context, urls, { maxConcurrentAcquisitions: 100 }, false)
  expect(new Set(got).size).toBe(100)
  expect(sites.map(({ logins }) => logins.mostAtOnce)).toEqual(Array(20).fill(2))
})

test('control: with wider limits the site sees more at once', async context => {
  const { site } = await oneSite(context, { maxConcurrentAcquisitions: 50, maxConcurrentPerSite: 5 })
  expect(site.logins.mostAtOnce).toBeGreaterThan(3)
})
