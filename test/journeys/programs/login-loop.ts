import { createTokenManager } from 'hotwell'
import { createAccounts } from 'hotwell/accounts'
import { jsonLogin } from '../court-logins.ts'

/** A process that refreshes the token of an account over and over. */
const { path, url, password, windowSeconds } = JSON.parse(process.argv[2]!) as {
  path: string
  url: string
  password: string
  windowSeconds: number
}
const accounts = createAccounts({ path, lockoutBudget: { windowSeconds } })
await accounts.add('court', 'zhang', { password }).catch(() => {})
const tokens = createTokenManager({ providers: { court: jsonLogin({ url }) }, accounts, preheat: false })
const handle = tokens.token('court/account/zhang')
process.send!({ ready: true })
for (;;) {
  await handle.refresh().catch(() => {})
  await new Promise(resolve => setTimeout(resolve, 5))
}
