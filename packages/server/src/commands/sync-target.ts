import { serverClient } from '../client/server-client.ts'
import type { RunReply } from '../routes/run-schemas.ts'
import { CommandFailure } from './exit-codes.ts'
import { print, printJson } from './output.ts'
import { clientCommand } from './server-options.ts'
import { runReport } from './sync-report.ts'
import { isRunId, type SyncRequests, syncRequests } from './sync-requests.ts'

/**
 * The id of the run that is meant: an id, or the name of a sync that has one under way.
 * @throws CommandFailure where the sync has none
 */
export async function runIdOf(requests: SyncRequests, text: string): Promise<string> {
  if (isRunId(text)) return text
  const { running, last } = await requests.get(text)
  if (running) return running.id
  const latest = last ? `; its latest one is ${last.state}: ${last.id}` : ''
  throw new CommandFailure(`The sync "${text}" has no run under way${latest}.`)
}

interface Words {
  summary: string
  description: string
}

/** A command that changes a run. */
export function runActionCommand(action: 'pause' | 'resume' | 'cancel', { summary, description }: Words) {
  return clientCommand(action)
    .summary(summary)
    .description(description)
    .argument('<sync-or-run>', 'the name of a sync, for its run under way, or the id of a run')
    .addHelpText(
      'after',
      `\nExamples:\n  $ hotwell sync ${action} plant\n  $ hotwell sync ${action} 0b8f1c7e-52f7-4c1d-9a43-6f2f7a4f1f9b`,
    )
    .action(async (text, { url, json }) => {
      const requests = syncRequests(serverClient({ url }))
      const run: RunReply = await requests.act(await runIdOf(requests, text), action)
      if (json) printJson(run)
      else print(runReport(run))
    })
}
