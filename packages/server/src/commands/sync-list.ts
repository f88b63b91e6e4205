import { serverClient } from '../client/server-client.ts'
import { print, printJson } from './output.ts'
import { clientCommand } from './server-options.ts'
import { syncTable } from './sync-report.ts'
import { syncRequests } from './sync-requests.ts'

/** `hotwell sync list`: the syncs with their latest runs. */
export const syncListCommand = () =>
  clientCommand('list')
    .summary('list the syncs with their latest runs')
    .description('Lists the syncs of the configuration, how their latest runs went and when they run next.')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell sync list
  $ hotwell sync list --json | jq '.syncs[] | select(.last.state == "failed") | .name'`,
    )
    .action(async ({ url, json }) => {
      const reply = await syncRequests(serverClient({ url })).list()
      if (json) return printJson(reply)
      if (reply.syncs.length === 0) return print('The configuration has no sync. Its field `syncs` names them.')
      print(syncTable(reply.syncs))
    })
