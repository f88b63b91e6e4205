import { serverClient } from '../client/server-client.ts'
import { print, printJson } from './output.ts'
import { clientCommand } from './server-options.ts'
import { followToEnd } from './sync-follow.ts'
import { runReport, runTable } from './sync-report.ts'
import { isRunId, syncRequests } from './sync-requests.ts'
import { runIdOf } from './sync-target.ts'
import { wholeNumber } from './whole-number.ts'

/** `hotwell sync status SYNC|RUN`: how a run stands, or the latest runs of a sync. */
export const syncStatusCommand = () =>
  clientCommand('status')
    .summary('show the runs of a sync, or one of them')
    .description('Shows the latest runs of a sync, or how one run stands; with --follow until it is over.')
    .argument('<sync-or-run>', 'the name of a sync, or the id of a run')
    .option('--limit <number>', 'so many runs', wholeNumber(1, 500), 10)
    .option('--follow', 'show the run under way until it is over; the exit code is 0 when it is completed')
    .addHelpText(
      'after',
      `
Examples:
  $ hotwell sync status plant
  $ hotwell sync status plant --follow
  $ hotwell sync status 0b8f1c7e-52f7-4c1d-9a43-6f2f7a4f1f9b --json | jq .state`,
    )
    .action(async (text, { url, json, limit, follow }) => {
      const requests = syncRequests(serverClient({ url }))
      if (follow) return followToEnd(requests, await requests.run(await runIdOf(requests, text)), json)
      if (isRunId(text)) {
        const run = await requests.run(text)
        return json ? printJson(run) : print(runReport(run))
      }
      const { runs } = await requests.runs(text, limit)
      if (json) return printJson({ runs })
      print(runs.length === 0 ? `The sync "${text}" has not run yet: hotwell sync run ${text}` : runTable(runs))
    })
