// A site that wants a real browser: Chromium opens the login page, reads the captcha, fills in the form and takes the
// session's cookie. When to log in, with which account, and how often a password may be tried is the manager's.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLoginSite } from '@hotwell/sandbox'
import { createTokenManager } from 'hotwell'
import { createAccounts } from 'hotwell/accounts'
import { type BrowserLogin, siteLogin } from 'hotwell/providers/site-login'
import { chromium } from 'playwright-core'

const places = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = places.find(place => place && existsSync(place))
if (!executablePath) {
  console.error('No Chromium found. Install it (Debian: apt install chromium), or set CHROMIUM_PATH to where it lies.')
  process.exit(1)
}
// Chromium refuses to run as root with its sandbox on.
const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []

const login: BrowserLogin = async ({ credentials, signal, baseUrl, refusal, captchaAnswered }) => {
  const browser = await chromium.launch({ executablePath, args })
  const stop = () => void browser.close()
  signal.addEventListener('abort', stop)
  try {
    signal.throwIfAborted()
    const page = await browser.newPage()
    // The picture is caught on its way to the page: asked for again, it would be another one.
    const picture = page.waitForResponse(response => response.url().endsWith('/captcha'))
    await page.goto(new URL('/login', baseUrl).href)
    const [, one, other] = (await (await picture).text()).match(/(\d+) \+ (\d+)/) ?? []
    await page.getByLabel('Captcha').fill(String(Number(one) + Number(other)))
    captchaAnswered()
    await page.getByLabel('User name').fill(credentials.username)
    await page.getByLabel('Password').fill(credentials.password)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.locator('#cases, #error').waitFor()
    const error = page.locator('#error')
    if (await error.isVisible()) {
      const kind = await error.getAttribute('class')
      throw refusal(kind === 'captcha_wrong' ? 'badCaptcha' : kind === 'locked' ? 'locked' : 'badPassword')
    }
    const session = (await page.context().cookies()).find(({ name }) => name === 'session')!
    return { value: session.value, expiresInSeconds: session.expires - Date.now() / 1000 }
  } finally {
    signal.removeEventListener('abort', stop)
    await browser.close()
  }
}

const folder = mkdtempSync(join(tmpdir(), 'hotwell-browser-login-'))
try {
  await using site = await startLoginSite({
    captcha: true,
    accounts: [
      { username: 'zhang', password: 'right-password' },
      { username: 'wang', password: 'another-password' },
    ],
  })
  const accounts = createAccounts({ path: join(folder, 'accounts.db') })
  await accounts.open()
  await accounts.add('court', 'zhang', { password: 'right-password' })
  await accounts.add('court', 'wang', { password: 'mistyped' })

  const court = siteLogin({ baseUrl: site.url, login, attach: { cookie: 'session' } })
  await using tokens = createTokenManager({ providers: { court }, accounts })
  const zhang = tokens.token('court/account/zhang')
  const replies = await Promise.all(Array.from({ length: 50 }, () => zhang.fetch('/api/cases')))
  const { account } = (await replies[0]!.json()) as { account: string }
  console.log(`${replies.filter(({ ok }) => ok).length} requests as ${account}, ${site.account('zhang').logins} login`)

  const refused = await tokens
    .token('court/account/wang')
    .get()
    .catch((error: Error & { code: string }) => error.code)
  console.log(`wang: ${refused}, ${site.account('wang').badPasswords} bad password at the site`)
  await tokens.close()
  await accounts.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
