import { randomBytes } from 'node:crypto'
import { startLoginSite } from '@hotwell/sandbox'
import type { Provider } from 'hotwell'
import { siteLogin } from 'hotwell/providers/site-login'
import { type DemoAccount, demoDomain } from './demo-accounts.ts'
import { courtAccounts, flakyCaptchaAccount, wrongPasswordAccount } from './demo-court-names.ts'

/** Long enough to log in again beside the others, short enough to be watched. */
const sessionLifeSeconds = 50
/** What a browser takes for a form, a captcha and a redirect, made short for whoever watches. */
const latencyMs = 900
const flakyCaptchaRate = 0.4

export interface DemoCourt {
  site: string
  provider: Provider
  /** What the server has to have: one of the passwords is not the site's. */
  accounts: DemoAccount[]
  manifest: string[]
  close(): Promise<void>
}

/** A site with a login form, a captcha and five accounts, of which one has a wrong password and one a flaky captcha. */
export async function startDemoCourt(): Promise<DemoCourt> {
  const accounts = courtAccounts.map(account => ({ account, username: account + demoDomain, password: secret() }))
  const site = await startLoginSite({
    accounts: accounts.map(({ account, username, password }) => ({
      username,
      password: account === wrongPasswordAccount ? secret() : password,
      captchaFailureRate: account === flakyCaptchaAccount ? flakyCaptchaRate : 0,
    })),
    captcha: true,
    sessionLifeSeconds,
    latencyMs,
    seed: randomBytes(4).readUInt32LE(),
  })
  return {
    site: 'court_zxfw',
    provider: siteLogin({
      baseUrl: site.url,
      prepare: true,
      captchaPath: '/captcha',
      captcha: ({ text }) => sumIn(text),
      token: { from: 'cookie', name: 'session' },
      expiresInSeconds: sessionLifeSeconds,
    }),
    accounts,
    manifest: courtAccounts.map(account => `court_zxfw/account/${account}`),
    close: () => site.close(),
  }
}

/** The captcha shows a sum, such as `17 + 4 = ?`; its answer is the result. */
function sumIn(image: string): string {
  const [, one, other] = /(\d+) \+ (\d+)/.exec(image) ?? []
  return String(Number(one) + Number(other))
}

function secret(): string {
  return randomBytes(18).toString('base64url')
}
