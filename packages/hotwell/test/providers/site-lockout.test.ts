import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLoginSite } from '@hotwell/sandbox'
import { createTokenManager } from 'hotwell'
import { createAccounts } from 'hotwell/accounts'
import { type SiteLoginOptions, siteLogin } from 'hotwell/providers/site-login'
import { expect, test } from 'vitest'

const token = { from: 'cookie', name: 'session' } as const
const unknownWords = { badPassword: { text: 'words that this site does not use' } }

/** Reads the page it gets after the login, and knows the welcome only. */
const naive: SiteLoginOptions['login'] = async ({ credentials, baseUrl }) => {
  const page = await fetch(new URL('/login', baseUrl))
  const [, formToken = ''] = (await page.text()).match(/name="form_token" value="(\w+)"/) ?? []
  const visit = page.headers.getSetCookie()[0]!.split(';')[0]!
  const { username, password } = credentials
  const body = new URLSearchParams({ form_token: formToken, username, password })
  const reply = await fetch(new URL('/login', baseUrl), {
    method: 'POST',
    headers: { cookie: visit },
    body,
    redirect: 'manual',
  })
  const session = reply.headers.getSetCookie().find(cookie => cookie.startsWith('session='))
  if (!session) throw Object.assign(new Error('Timeout waiting for #cases'), { name: 'TimeoutError' })
  return { value: session.split(/[=;]/)[1]!, expiresInSeconds: 3600 }
}

test.each<[string, Partial<SiteLoginOptions>]>([
  ['a form', { prepare: true, token, outcomes: unknownWords }],
  ['a hook that knows the welcome only', { login: naive }],
])('a password that was changed at the site does not lock the account, by %s that cannot tell', async (_, options) => {
  const folder = await mkdtemp(join(tmpdir(), 'hotwell-lockout-'))
  await using site = await startLoginSite({
    accounts: [{ username: 'zhang', password: 'right' }],
    refusalStatus: 200,
    lockoutAfter: 5,
  })
  const accounts = createAccounts({ path: join(folder, 'accounts.db') })
  try {
    await accounts.add('court', 'zhang', { password: 'right' })
    const court = siteLogin({ baseUrl: site.url, ...options })
    await using tokens = createTokenManager({ providers: { court }, accounts, preheat: false })
    const zhang = tokens.token('court/account/zhang')
    await zhang.refresh()
    expect(site.account('zhang').logins).toBe(1)
    site.setPassword('zhang', 'changed there')
    for (let n = 0; n < 8; n++) await expect(zhang.refresh()).rejects.toThrow()
    expect(site.account('zhang')).toMatchObject({ badInRow: 2, lockedOut: false })
    expect(await accounts.get('court', 'zhang')).toMatchObject({ state: 'spent' })
  } finally {
    await accounts.close()
    await rm(folder, { recursive: true })
  }
})
