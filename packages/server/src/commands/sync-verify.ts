import { serverClient } from '../client/server-client.ts'
import { clientCommand } from './server-options.ts'
import { followToEnd } from './sync-follow.ts'
import { syncRequests } from './sync-requests.ts'
import { wholeNumber } from './whole-number.ts'

/** `hotwell sync verify SYNC`: compares source and target. */
export const syncVerifyCommand = () =>
  clientCommand('verify')
    .summary('compare source and target, and put right what differs')
    .description('Compares what source and target hold. Nothing is changed without --repair.')
    .argument('<sync>', 'the name of the sync')
    .option('--repair', 'write what is missing or different, delete what is extra')
    .option('--listed <number>', 'so many differences are listed (default: 100)', wholeNumber(0, 10_000))
    .option('--allow-deletes', 'with --repair: delete however much is extra')
    .addHelpText(
      'after',
      `
Exit codes:
  0  equal, or all differences were put right
  1  they differ, or it failed

Examples:
  $ hotwell sync verify plant
  $ hotwell sync verify plant --repair
  $ hotwell sync verify plant --json | jq '.verification.differences[].key'`,
    )
    .action(async (name, { url, json, ...request }) => {
      const requests = syncRequests(serverClient({ url }))
      await followToEnd(requests, await requests.verify(name, request), json)
    })
