import { accountRequests } from '../client/account-requests.ts'
import { serverClient } from '../client/server-client.ts'
import { oneAccountCommand } from './account-options.ts'
import { print, printJson } from './output.ts'
import { readNewPassword } from './password.ts'

/** `hotwell account add SITE ACCOUNT`: an account to log in with. */
export const accountAddCommand = () =>
  oneAccountCommand('add')
    .summary('add an account to log in with')
    .description(
      'Adds an account of a site. Its password is asked for, twice and without an echo, or read from standard input; ' +
        'the server keeps it sealed and never tells it.',
    )
    .option('--username <name>', 'the name to log in with (default: what the account is called)')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell account add court_zxfw zhang
  $ hotwell account add court_zxfw zhang --username 13800000000
  $ pass show court/zhang | hotwell account add court_zxfw zhang`,
    )
    .action(async (site, account, { url, json, username }) => {
      const requests = accountRequests(serverClient({ url }))
      const password = await readNewPassword(`Password of ${site}/${account}`)
      const facts = await requests.add({ site, account, username, password })
      if (json) return printJson(facts)
      print(`${facts.site}/${facts.account} is added; it logs in as ${facts.username}.`)
    })
