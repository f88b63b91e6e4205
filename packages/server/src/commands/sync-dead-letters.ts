import { serverClient } from '../client/server-client.ts'
import { print, printJson, singleLine, table } from './output.ts'
import { clientCommand } from './server-options.ts'
import { syncRequests } from './sync-requests.ts'
import { wholeNumber } from './whole-number.ts'

/** `hotwell sync dead-letters SYNC`: what the target could not take, and why. */
export const syncDeadLettersCommand = () =>
  clientCommand('dead-letters')
    .summary('list the records that could not be taken, with the reasons')
    .description(
      'Lists the records that the target could not take, each with the reason. They lie there until a reading takes them; --json shows them as well.',
    )
    .argument('<sync>', 'the name of the sync')
    .option('--limit <number>', 'so many', wholeNumber(1, 1000), 100)
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell sync dead-letters plant
  $ hotwell sync dead-letters plant --json | jq -r '.deadLetters[].record'`,
    )
    .action(async (name, { url, json, limit }) => {
      const reply = await syncRequests(serverClient({ url })).deadLetters(name, limit)
      if (json) return printJson(reply)
      const { deadLetters, hasMore } = reply
      if (deadLetters.length === 0) return print(`The sync "${name}" has no dead letters.`)
      const rows = deadLetters.map(({ kind, key, reason }) => [kind, singleLine(key), singleLine(reason)])
      print(table(['Kind', 'Key', 'Reason'], rows))
      if (hasMore) print(`There are more: --limit shows up to 1000.`)
    })
