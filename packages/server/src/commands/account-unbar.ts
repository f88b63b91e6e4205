import { accountRequests } from '../client/account-requests.ts'
import { serverClient } from '../client/server-client.ts'
import { oneAccountCommand } from './account-options.ts'
import { print, printJson } from './output.ts'

/** `hotwell account unbar SITE ACCOUNT`: lets a barred account be used again. */
export const accountUnbarCommand = () =>
  oneAccountCommand('unbar')
    .summary('let an account be used again')
    .description(
      'Ends every bar of an account, whatever its cause, and gives it its lock-out budget back. After wrong passwords ' +
        'make sure first that the stored one is right: the site counts the next try as well.',
    )
    .addHelpText(
      'after',
      `
Example:
  $ hotwell account unbar court_zxfw zhang`,
    )
    .action(async (site, account, { url, json }) => {
      const facts = await accountRequests(serverClient({ url })).unbar(site, account)
      if (json) return printJson(facts)
      print(`${site}/${account} may be used again.`)
    })
