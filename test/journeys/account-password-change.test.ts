import { expect, test } from 'vitest'
import { accountsIn, court, loginSite } from './court.ts'
import { jsonLogin } from './court-logins.ts'
import { type Ending, until } from './scene.ts'

/** An account whose password the site has changed already; a login with the old one is under way. */
async function lateLogin(ending: Ending) {
  const site = await loginSite(ending, { accounts: [{ username: 'zhang', password: 'new' }], latencyMs: 500 })
  const accounts = await accountsIn(ending)
  await accounts.add('court', 'zhang', { password: 'old' })
  const tokens = court(ending, { providers: { court: jsonLogin(site) }, accounts })
  const handle = tokens.token('court/account/zhang' as never)
  const late = handle.get().catch((error: { code: string }) => error.code)
  await until('the login to arrive', () => site.account('zhang').running === 1)
  return { site, accounts, handle, late }
}

test('a password that is changed while a login with the old one is under way is not barred for it', async context => {
  const { site, accounts, handle, late } = await lateLogin(context)
  await accounts.update('court', 'zhang', { password: 'new' })
  expect(await late).toBe('credentials_rejected')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'available', budget: { spent: 0 } })
  expect((await accounts.get('court', 'zhang')).bar).toBeUndefined()
  expect(await handle.get()).toMatch(/./)
  expect(site.account('zhang')).toMatchObject({ badPasswords: 1, badInRow: 0, sessions: 1 })
})

test('a wrong new password is barred for itself: the old one’s late refusal neither adds nor takes away', async context => {
  const { site, accounts, handle, late } = await lateLogin(context)
  await accounts.update('court', 'zhang', { password: 'wrong as well' })
  await late
  await handle.get().catch(() => {})
  const { bar, budget } = await accounts.get('court', 'zhang')
  expect(bar).toMatchObject({ cause: 'credential', reason: expect.stringContaining('once') })
  expect(budget.spent).toBe(1)
  expect(site.account('zhang').badPasswords).toBe(2)
})

test('who asks after the change, while the old login still runs, gets a token of the new password; never two at once', async context => {
  const { site, accounts, handle, late } = await lateLogin(context)
  await accounts.update('court', 'zhang', { password: 'new' })
  const [one, other] = await Promise.all([handle.get(), handle.refresh().then(({ value }) => value)])
  expect(await late).toBe('credentials_rejected')
  expect(one).toBe(other)
  expect(site.account('zhang')).toMatchObject({ attempts: 2, badPasswords: 1, badInRow: 0, mostAtOnce: 1 })
})

test('control: without the change the account is barred by the same answer', async context => {
  const { accounts, late } = await lateLogin(context)
  expect(await late).toBe('credentials_rejected')
  expect((await accounts.get('court', 'zhang')).bar).toMatchObject({ cause: 'credential' })
})
