import { accountRequests } from '../client/account-requests.ts'
import { serverClient } from '../client/server-client.ts'
import { oneAccountCommand } from './account-options.ts'
import { future, when } from './instant.ts'
import { print, printJson } from './output.ts'

/** `hotwell account bar SITE ACCOUNT`: no login with it until it is unbarred. */
export const accountBarCommand = () =>
  oneAccountCommand('bar')
    .summary('keep an account from being used')
    .description('Bars an account: nobody logs in with it until then, or until `hotwell account unbar`.')
    .option('--reason <text>', 'why, for people')
    .option('--until <instant>', 'when the bar ends: 2026-11-21T08:30:00Z, or 30m, 12h, 7d from now', future)
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell account bar court_zxfw zhang --reason "on leave"
  $ hotwell account bar court_zxfw zhang --until 7d`,
    )
    .action(async (site, account, { url, json, reason, until }) => {
      const facts = await accountRequests(serverClient({ url })).bar(site, account, { reason, until })
      if (json) return printJson(facts)
      print(`${site}/${account} is barred ${until ? `until ${when(until)}` : 'until you unbar it'}.`)
    })
