import { accountRequests } from '../client/account-requests.ts'
import { serverClient } from '../client/server-client.ts'
import { oneAccountCommand } from './account-options.ts'
import { print, printJson } from './output.ts'

/** `hotwell account remove SITE ACCOUNT`: forgets an account and its password. */
export const accountRemoveCommand = () =>
  oneAccountCommand('remove')
    .summary('forget an account and its password')
    .description('Forgets an account, its password, its bar and its lock-out budget. Its history stays.')
    .addHelpText(
      'after',
      `
Example:
  $ hotwell account remove court_zxfw zhang`,
    )
    .action(async (site, account, { url, json }) => {
      await accountRequests(serverClient({ url })).remove(site, account)
      if (json) return printJson({ site, account, removed: true })
      print(`${site}/${account} is removed.`)
    })
