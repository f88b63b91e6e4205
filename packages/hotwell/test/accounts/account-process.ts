import { once } from 'node:events'
import { createAccounts } from '../../src/accounts/create-accounts.ts'

/** What the tests of several processes start: reserves as often as it can, settles nothing, and waits to be killed. */
const [path = '', tries = ''] = process.argv.slice(2)
const accounts = createAccounts({ path })
const credentials = (await accounts.credentials('court', 'zhang'))!
const told = once(process, 'message')
process.send!('ready')
await told
let granted = 0
for (let attempt = 0; attempt < Number(tries); attempt++) {
  if ('id' in (await accounts.reserve('court', credentials))) granted++
}
process.send!(granted)
