import { type AccountReply, accountRequests } from '../client/account-requests.ts'
import { serverClient } from '../client/server-client.ts'
import { accountCommand } from './account-options.ts'
import { when } from './instant.ts'
import { percent, print, printJson, table } from './output.ts'

/** `hotwell account list`: the accounts with their state, never a password. */
export const accountListCommand = () =>
  accountCommand('list')
    .summary('list the accounts, without their passwords')
    .description('Lists the accounts with what may be done with them and how their logins went; never a password.')
    .option('--site <site>', 'only the accounts of this site')
    .option('--barred', 'only the bars: who, why and until when')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell account list --site court_zxfw
  $ hotwell account list --barred
  $ hotwell account list --json | jq '.accounts[] | select(.state != "available")'`,
    )
    .action(async ({ url, json, site, barred }) => {
      const requests = accountRequests(serverClient({ url }))
      if (barred) {
        const reply = await requests.barred(site)
        if (json) return printJson(reply)
        if (reply.bars.length === 0) return print('No account is barred.')
        const rows = reply.bars.map(bar => [
          bar.site,
          bar.account,
          bar.cause,
          when(bar.barredAt),
          bar.until ? when(bar.until) : 'unbarred',
          bar.reason ?? '',
        ])
        return print(table(['Site', 'Account', 'Cause', 'Since', 'Until', 'Reason'], rows))
      }
      const reply = await requests.list(site)
      if (json) return printJson(reply)
      if (reply.accounts.length === 0) {
        return print(
          `There is no account${site === undefined ? '' : ` of ${site}`}. Add one: hotwell account add SITE ACCOUNT`,
        )
      }
      const head = ['Site', 'Account', 'User name', 'State', 'Score', 'Logins', 'Successful', 'Last success', 'Note']
      print(table(head, reply.accounts.map(rowOf)))
    })

function rowOf(account: AccountReply): string[] {
  const { successes, failures } = account
  const logins = successes + failures
  return [
    account.site,
    account.account,
    account.username,
    account.state,
    account.score.toFixed(0),
    String(logins),
    logins === 0 ? '' : percent(account.successRate),
    when(account.lastSuccessAt),
    noteOf(account),
  ]
}

function noteOf({ bar, coolingUntil, budget, state }: AccountReply): string {
  if (bar) {
    const why = bar.reason?.replace(/\.$/, '') || `barred (${bar.cause})`
    return bar.until ? `${why}, until ${when(bar.until)}` : why
  }
  if (state === 'spent') {
    const next = budget.nextAt ? `until ${when(budget.nextAt)}` : 'until it gets a new password or is unbarred'
    return `${budget.spent} of ${budget.tries} tries spent, ${next}`
  }
  return coolingUntil && state === 'cooling' ? `until ${when(coolingUntil)}` : ''
}
