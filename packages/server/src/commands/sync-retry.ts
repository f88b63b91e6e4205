import { serverClient } from '../client/server-client.ts'
import { CommandFailure } from './exit-codes.ts'
import { clientCommand } from './server-options.ts'
import { runExitCodes, toldOrFollowed } from './sync-follow.ts'
import { isRunId, type SyncRequests, syncRequests } from './sync-requests.ts'

/** `hotwell sync retry SYNC|RUN`: what failed or was cancelled, once more. */
export const syncRetryCommand = () =>
  clientCommand('retry')
    .summary('run once more what failed or was cancelled')
    .description(
      'Begins a run that is to do what another one was to do, from where that one was, and shows how far it is until it is over.',
    )
    .argument('<sync-or-run>', 'the name of a sync, for its latest run, or the id of a run')
    .option('--detach', 'begin it and do not wait for its end')
    .addHelpText(
      'after',
      `${runExitCodes}
Examples:
  $ hotwell sync retry plant
  $ hotwell sync retry 0b8f1c7e-52f7-4c1d-9a43-6f2f7a4f1f9b --detach`,
    )
    .action(async (text, { url, json, detach }) => {
      const requests = syncRequests(serverClient({ url }))
      const run = await requests.act(isRunId(text) ? text : await latestOf(requests, text), 'retry')
      await toldOrFollowed(requests, run, { json, detach })
    })

async function latestOf(requests: SyncRequests, name: string): Promise<string> {
  const { last } = await requests.get(name)
  if (last) return last.id
  throw new CommandFailure(`The sync "${name}" has no run that could be tried again: hotwell sync run ${name}`)
}
