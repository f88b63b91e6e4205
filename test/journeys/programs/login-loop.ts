import { createTokenManager } from 'hotwell'
import { createAccounts } from 'hotwell/accounts'
import { siteLogin } from 'hotwell/providers/site-login'

/** A process that refreshes the token of an account over and over; its password is wrong. */
const { path, url, windowSeconds } = JSON.parse(process.argv[2]!) as {
  path: string
  url: string
  windowSeconds: number
}
const accounts = createAccounts({ path, lockoutBudget: { windowSeconds } })
await accounts.add('court', 'wrong', { password: 'a wrong one' }).catch(() => {})
const tokens = createTokenManager({
  providers: {
    court: siteLogin({
      baseUrl: url,
      loginPath: '/api/login',
      form: 'json',
      token: { from: 'body', path: 'token', expiresInPath: 'expiresIn' },
    }),
  },
  accounts,
  preheat: false,
})
const handle = tokens.token('court/account/wrong')
process.send!({ ready: true })
for (;;) {
  await handle.refresh().catch(() => {})
  await new Promise(resolve => setTimeout(resolve, 5))
}
