import { Option } from '@commander-js/extra-typings'
import { serverClient } from '../client/server-client.ts'
import { CommandFailure, exitCodes } from './exit-codes.ts'
import { clientCommand } from './server-options.ts'
import { runExitCodes, toldOrFollowed } from './sync-follow.ts'
import { type RunRequest, syncRequests } from './sync-requests.ts'
import { wholeNumber } from './whole-number.ts'

/** `hotwell sync run SYNC`: begins a run and shows how far it is. */
export const syncRunCommand = () =>
  clientCommand('run')
    .summary('run a sync now, and show how far it is')
    .description(
      'Begins a run and shows how far it is until it is over. It runs in the server: it goes on when this command ends.',
    )
    .argument('<sync>', 'the name of the sync')
    .addOption(new Option('--mode <mode>', 'instead of that of its strategy').choices(['full', 'incremental'] as const))
    .addOption(new Option('--element <id...>', 'only these elements').conflicts(['mode', 'subtree', 'only']))
    .addOption(new Option('--subtree <id>', 'only this element and what it owns').conflicts(['mode', 'only']))
    .addOption(
      new Option('--depth <number>', 'so many levels of the subtree (default: all)').argParser(wholeNumber(1, 1000)),
    )
    .addOption(
      new Option('--only <what>', 'only all relations, or the attributes of what is there')
        .choices(['relations', 'attributes'] as const)
        .conflicts('mode'),
    )
    .option('--allow-deletes', 'delete however much is gone at the source')
    .option('--detach', 'begin it and do not wait for its end')
    .addHelpText(
      'after',
      `${runExitCodes}
Examples:
  $ hotwell sync run plant
  $ hotwell sync run plant --mode full --allow-deletes
  $ hotwell sync run plant --subtree unit-7 --depth 2
  $ hotwell sync run plant --detach --json | jq -r .id`,
    )
    .action(async (name, { url, json, detach, ...asked }) => {
      const requests = syncRequests(serverClient({ url }))
      const run = await requests.start(name, requestOf(asked))
      await toldOrFollowed(requests, run, { json, detach })
    })

interface Asked extends Pick<RunRequest, 'mode' | 'allowDeletes'> {
  element?: string[]
  subtree?: string
  depth?: number
  only?: 'relations' | 'attributes'
}

function requestOf({ mode, allowDeletes, element, subtree, depth, only }: Asked): RunRequest {
  if (depth !== undefined && subtree === undefined)
    throw new CommandFailure('--depth belongs to --subtree.', exitCodes.usage)
  const part = element ? { elements: element } : subtree ? { subtree, depth } : only ? { only } : undefined
  return { mode, allowDeletes, part }
}
