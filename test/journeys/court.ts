import { join } from 'node:path'
import { type LoginSite, type LoginSiteOptions, startLoginSite } from '@hotwell/sandbox'
import { createTokenManager, type TokenManager, type TokenManagerOptions } from 'hotwell'
import { type Accounts, type AccountsOptions, createAccounts } from 'hotwell/accounts'
import type { siteLogin } from 'hotwell/providers/site-login'
import { type Ending, temporaryFolder } from './scene.ts'

/** A site that counts by itself what is done to its accounts; closed at the end of the test. */
export async function loginSite({ onTestFinished }: Ending, options: LoginSiteOptions): Promise<LoginSite> {
  const site = await startLoginSite(options)
  onTestFinished(() => site.close())
  return site
}

export const passwordOf = (username: string) => `the password of ${username}`
export const withPasswords = (names: readonly string[]) =>
  names.map(username => ({ username, password: passwordOf(username) }))

/** Accounts in a file of their own; closed at the end of the test. */
export async function accountsIn(
  ending: Ending,
  options: Partial<AccountsOptions> = {},
): Promise<Accounts & { readonly path: string }> {
  const path = options.path ?? join(await temporaryFolder(ending), 'accounts.db')
  const accounts = createAccounts({ ...options, path })
  ending.onTestFinished(() => accounts.close())
  return Object.assign(accounts, { path })
}

type Given = Omit<TokenManagerOptions<Record<string, ReturnType<typeof siteLogin>>>, 'preheat'>

/** A manager that renews nothing by itself; closed at the end of the test. */
export function court({ onTestFinished }: Ending, options: Given): TokenManager {
  const tokens = createTokenManager({ preheat: false, ...options })
  onTestFinished(() => tokens.close())
  return tokens as TokenManager
}
