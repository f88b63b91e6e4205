import { accountRequests } from '../client/account-requests.ts'
import { serverClient } from '../client/server-client.ts'
import { oneAccountCommand } from './account-options.ts'
import { CommandFailure, exitCodes } from './exit-codes.ts'
import { print, printJson } from './output.ts'
import { readNewPassword } from './password.ts'

/** `hotwell account update SITE ACCOUNT`: a new password or user name. */
export const accountUpdateCommand = () =>
  oneAccountCommand('update')
    .summary('give an account a new password')
    .description(
      'Gives an account a new password, asked for twice and without an echo, or read from standard input. ' +
        'A bar for wrong passwords, the spent lock-out budget and a cool-down end with it; a bar of yours stays.',
    )
    .option('--username <name>', 'a new name to log in with')
    .option('--keep-password', 'change the user name alone')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell account update court_zxfw zhang
  $ pass show court/zhang | hotwell account update court_zxfw zhang
  $ hotwell account update court_zxfw zhang --username 13900000000 --keep-password`,
    )
    .action(async (site, account, { url, json, username, keepPassword }) => {
      const requests = accountRequests(serverClient({ url }))
      if (keepPassword && username === undefined) {
        throw new CommandFailure('With --keep-password there is nothing to change but --username.', exitCodes.usage)
      }
      const password = keepPassword ? undefined : await readNewPassword(`New password of ${site}/${account}`)
      const facts = await requests.update(site, account, { username, password })
      if (json) return printJson(facts)
      print(
        `${facts.site}/${facts.account} has ${keepPassword ? 'a new user name' : 'a new password'}: ${facts.state}.`,
      )
    })
