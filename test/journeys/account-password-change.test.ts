import { expect, test } from 'vitest'
import { accountsIn, court, loginSite } from './court.ts'
import { jsonLogin } from './court-logins.ts'
import { until } from './scene.ts'

test('a password that is changed while a login with the old one is under way is not barred for it', async context => {
  const site = await loginSite(context, { accounts: [{ username: 'zhang', password: 'new' }], latencyMs: 300 })
  const accounts = await accountsIn(context)
  await accounts.add('court', 'zhang', { password: 'old' })
  const tokens = court(context, { providers: { court: jsonLogin(site) }, accounts })
  const handle = tokens.token('court/account/zhang' as never)
  const late = handle.get().catch((error: { code: string }) => error.code)
  await until('the login to arrive', () => site.account('zhang').running === 1)
  await accounts.update('court', 'zhang', { password: 'new' })
  expect(await late).toBe('credentials_rejected')
  expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'available', budget: { spent: 0 } })
  expect((await accounts.get('court', 'zhang')).bar).toBeUndefined()
  expect(await handle.get()).toMatch(/./)
  expect(site.account('zhang')).toMatchObject({ badPasswords: 1, badInRow: 0, sessions: 1 })
})

test('control: without the change the account is barred by the same answer', async context => {
  const site = await loginSite(context, { accounts: [{ username: 'zhang', password: 'new' }] })
  const accounts = await accountsIn(context)
  await accounts.add('court', 'zhang', { password: 'old' })
  const tokens = court(context, { providers: { court: jsonLogin(site) }, accounts })
  await tokens
    .token('court/account/zhang' as never)
    .get()
    .catch(() => {})
  expect((await accounts.get('court', 'zhang')).bar).toMatchObject({ cause: 'credential' })
})
